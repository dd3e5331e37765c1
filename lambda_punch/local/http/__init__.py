"""What is spoken over HTTP: Lambda's APIs for its processes, and the function's own address for its callers."""
