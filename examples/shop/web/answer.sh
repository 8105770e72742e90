#!/bin/sh
# One request: answers with what the first database answers.
read -r _request
db=$(cat database)
body=$(nc -w 2 "${db%:*}" "${db##*:}" </dev/null || echo "database $db does not answer")
printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\n' "$((${#body} + 1))" "$body"
