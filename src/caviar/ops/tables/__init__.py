"""What the operations are: tables of functions of arrays, by the names that Keras gives them."""
