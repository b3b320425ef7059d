"""The ground: checks, storage, progress, arrays of other libraries, devices and ranks; open to all wings."""
