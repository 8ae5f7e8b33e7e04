package atomicfile

// SyncFolder makes creations, renames and removals in a folder durable, as far
// as the system can. The error is that of the operating system.
func SyncFolder(dir string) error { return syncFolder(dir) }
