# What stunnel runs for each connection: it reads a request up to its empty line and answers it.
cr=$(printf '\r')
while read -r line && [ "$line" != "$cr" ]; do :; done
printf 'HTTP/1.0 200 OK\r\n\r\nok\n'
