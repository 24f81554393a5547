package mirror

// TxBytes bounds a transaction, so that tests have many.
func TxBytes(n int) Option { return func(c *config) { c.txBytes = n } }
