// How functions of this library are marked for the compilers that read it.
#pragma once

/// Marks what runs on the processors and, compiled by nvcc, on CUDA devices too. A step is large or called from several
/// places: on a device it remains a function, as copies of it wherever it is called would take minutes to compile.
#if defined(__CUDACC__)
#define COVLASSO_FN __host__ __device__
#define COVLASSO_STEP __host__ __device__ __noinline__
#else
#define COVLASSO_FN
#define COVLASSO_STEP
#endif
