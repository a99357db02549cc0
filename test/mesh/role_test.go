package mesh_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// roleVariable is the variable that makes this binary a part of a mesh:
//
//	app      answers HTTP as the application of a pod does, and HTTPS if it is given a certificate
//	checkout asks a service over and over, as another application does, and logs what it gets
//	sidecar  is a proxy: see sidecar_test.go
const roleVariable = "TLSTRACE_MESH_ROLE"

// Where the application listens: for requests in clear and over TLS, and for its metrics in clear.
const (
	appPort     = 8080
	securePort  = 8443
	metricsPort = 15090
)

// play is the life of a part; it ends with an error or with its standard input, which is that of the test.
func play(role string, args []string) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	switch role {
	case "app":
		return app(args)
	case "checkout":
		return checkout(args[0])
	case "sidecar":
		return sidecar(args)
	}
	return fmt.Errorf("no role %q", role)
}

func app(pair []string) error {
	charge := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "charged") })
	ended := make(chan error, 2)
	go func() { ended <- http.ListenAndServe(":"+strconv.Itoa(metricsPort), charge) }()
	if len(pair) == 2 {
		go func() { ended <- http.ListenAndServeTLS(":"+strconv.Itoa(securePort), pair[0], pair[1], charge) }()
	} else {
		go func() { ended <- http.ListenAndServe(":"+strconv.Itoa(appPort), charge) }()
	}
	return <-ended
}

// checkout tells only when the answer changes.
func checkout(url string) error {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	last := ""
	for ; ; time.Sleep(200 * time.Millisecond) {
		said := ask(&client, url)
		if said != last {
			fmt.Println(said)
		}
		last = said
	}
}

func ask(client *http.Client, url string) string {
	response, err := client.Get(url)
	if err != nil {
		return "ERROR charge: " + err.Error()
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "ERROR charge: " + response.Status
	}
	return "INFO charge: " + response.Status
}
