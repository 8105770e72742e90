#!/bin/sh
# Nothing to finish: the server ends with its container.
rm -f database
