package atomicfile

// SyncFolder makes names that were just given or taken in a folder durable, as
// far as the system can. The error is the operating system's.
func SyncFolder(dir string) error { return syncFolder(dir) }
