# How every target of this project is compiled: warnings, sanitizers, and the flags of the numerical kernel.

set(COVLASSO_SANITIZE "" CACHE STRING "Sanitizers for every target: empty, address (with undefined) or thread")
set_property(CACHE COVLASSO_SANITIZE PROPERTY STRINGS "" address thread)

# Warnings, and COVLASSO_SANITIZE with the checks of the standard library that go with it.
function(covlasso_compile_options target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${COVLASSO_WERROR}>:/WX>)
    else()
        target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                                 $<$<BOOL:${COVLASSO_WERROR}>:-Werror>)
    endif()
    if(COVLASSO_SANITIZE)
        if(COVLASSO_SANITIZE STREQUAL "address")
            set(kinds address,undefined)
        elseif(COVLASSO_SANITIZE STREQUAL "thread")
            set(kinds thread)
        else()
            message(FATAL_ERROR "COVLASSO_SANITIZE=${COVLASSO_SANITIZE}: expected address or thread")
        endif()
        target_compile_options(${target} PRIVATE -fsanitize=${kinds} -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1)
        target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS)
        target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${kinds}>)
    endif()
endfunction()

# The kernel: vectorised and contracted to fused multiply-adds, but never reassociated beyond `omp simd` loops, so that
# NaN and infinity keep their meaning (no -ffast-math).
function(covlasso_kernel_options target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /openmp:experimental)
    else()
        if(NOT COVLASSO_SANITIZE)
            target_compile_options(${target} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O3>)
        endif()
        target_compile_options(${target} PRIVATE -fopenmp-simd -ffp-contract=fast -fno-math-errno
                                                 -fno-trapping-math)
    endif()
endfunction()
