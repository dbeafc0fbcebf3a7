"""The isolated relays between host and DUT."""
