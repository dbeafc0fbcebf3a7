"""IO managers: the isolated relays between host and DUT."""
