"""What a photo shows: decoding, the network, and the process that runs both."""
