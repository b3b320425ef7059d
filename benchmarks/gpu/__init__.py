"""covlasso on a CUDA device, beside itself on the CPU and other solvers there:  bash benchmarks/gpu.sh."""
