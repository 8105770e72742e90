#!/bin/sh
# The databases have changed: the first one is asked from the next request on.
printf '%s' "${CLOUD_SQL%%,*}" > database
