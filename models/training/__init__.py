"""How the network is made: vocabulary, data, training, quantising, evaluating."""
