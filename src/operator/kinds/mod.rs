//! One thin file per kind: what it reads from the caches, which change wakes it. Nothing here decides; that is core's.
