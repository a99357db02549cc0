import java.io.FileInputStream;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** A TLS server or client on Java's own TLS (JSSE); see server_peer.go and client_peer.go for the flags. */
class Peer {
  private static final byte[] ANSWER = "HTTP/1.0 200 OK\r\n\r\nok\n".getBytes();
  private final Map<String, String> flags = new HashMap<>();

  public static void main(String[] args) throws Exception {
    Peer p = new Peer();
    for (int i = 1; i + 1 < args.length; i += 2) {
      p.flags.put(args[i].substring(2), args[i + 1]);
    }
    if (args[0].equals("server")) {
      p.serve();
    } else {
      p.dial();
    }
  }

  private void serve() throws Exception {
    SSLServerSocket listener =
        (SSLServerSocket) context("client-ca").getServerSocketFactory().createServerSocket(port());
    listener.setNeedClientAuth(flags.containsKey("client-ca"));
    listener.setSSLParameters(parameters(listener.getSSLParameters()));
    while (true) {
      Socket conn = listener.accept();
      new Thread(() -> answer(conn)).start();
    }
  }

  private static void answer(Socket conn) {
    try (conn) {
      if (conn.getInputStream().read(new byte[4096]) > 0) {
        conn.getOutputStream().write(ANSWER);
      }
    } catch (Exception e) {
      System.out.println("server: " + e);
    }
  }

  private void dial() throws Exception {
    Socket tcp = new Socket(flags.get("host"), port());
    SSLSocket conn =
        (SSLSocket) context("ca").getSocketFactory().createSocket(tcp, flags.get("name"), port(), true);
    SSLParameters p = parameters(conn.getSSLParameters());
    p.setEndpointIdentificationAlgorithm("HTTPS");
    p.setServerNames(List.of(new SNIHostName(flags.get("name"))));
    conn.setSSLParameters(p);
    try (conn) {
      conn.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
      conn.getInputStream().transferTo(System.out);
    } catch (Exception e) {
      System.out.println("client: " + e);
      System.exit(1);
    }
  }

  private int port() {
    return Integer.parseInt(flags.get("port"));
  }

  private SSLParameters parameters(SSLParameters p) {
    List<String> versions = new ArrayList<>();
    if (flags.get("min").equals("1.2")) {
      versions.add("TLSv1.2");
    }
    if (flags.get("max").equals("1.3")) {
      versions.add("TLSv1.3");
    }
    p.setProtocols(versions.toArray(new String[0]));
    if (flags.containsKey("cipher")) {
      p.setCipherSuites(flags.get("cipher").split(":"));
    }
    if (flags.containsKey("alpn")) {
      p.setApplicationProtocols(flags.get("alpn").split(","));
    }
    if (flags.containsKey("sni")) {
      p.setSNIMatchers(List.of(SNIHostName.createSNIMatcher(flags.get("sni"))));
    }
    return p;
  }

  private SSLContext context(String trusted) throws Exception {
    SSLContext c = SSLContext.getInstance("TLS");
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    if (flags.containsKey("cert")) {
      String pem = Files.readString(Path.of(flags.get("key"))).replaceAll("-----[A-Z ]+-----|\\s", "");
      PKCS8EncodedKeySpec key = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem));
      store.setKeyEntry("own", KeyFactory.getInstance("EC").generatePrivate(key), new char[0],
          new Certificate[] {certificate(flags.get("cert"))});
    }
    keys.init(store, new char[0]);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    if (flags.containsKey(trusted)) {
      KeyStore roots = KeyStore.getInstance("PKCS12");
      roots.load(null, null);
      roots.setCertificateEntry("root", certificate(flags.get(trusted)));
      trust.init(roots);
    } else {
      trust.init((KeyStore) null);
    }
    c.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return c;
  }

  private static Certificate certificate(String file) throws Exception {
    try (InputStream in = new FileInputStream(file)) {
      return CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }
}
