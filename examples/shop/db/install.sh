#!/bin/sh
# The whole stock of the shop.
set -eu
mkdir -p data
echo "42 helmets in stock, says $(hostname)" > data/stock
