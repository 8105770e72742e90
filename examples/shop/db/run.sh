#!/bin/sh
# A database of one answer; runs until it is killed. It listens where it is told to, and nowhere else: other hosts may share the machine. Perl is
# on every Debian host.
exec perl -MIO::Socket::INET -e '
  my $server = IO::Socket::INET->new(LocalAddr => $ENV{CONTAINER_IP}, LocalPort => $ENV{CONTAINER_SQL}, Listen => 16, ReuseAddr => 1)
    or die "cannot listen: $@\n";
  while (my $client = $server->accept) {
    open my $stock, "<", "data/stock" or die "no stock: $!\n";
    print {$client} <$stock>;
    close $client;
  }
'
