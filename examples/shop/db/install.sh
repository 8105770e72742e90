#!/bin/sh
# The whole stock of the shop. Also run when these files change: what is in stock then stays.
set -eu
mkdir -p data
[ -s data/stock ] || echo "42 helmets in stock, says $VM_ID" > data/stock
