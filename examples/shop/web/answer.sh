#!/bin/sh
# One request: answers with what the first database answers, and says so in the log.
read -r request
db=$(cat database)
body=$(nc -w 2 "${db%:*}" "${db##*:}" </dev/null || echo "database $db does not answer")
printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\n' "$((${#body} + 1))" "$body"
echo "${request%% HTTP*}: $body" >&2
