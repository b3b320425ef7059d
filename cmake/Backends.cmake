# backend.cpp compiled once per instruction set, so that one library runs everywhere and picks the best code at run time.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

check_cxx_source_compiles(
    "#if !(defined(__x86_64__) || defined(_M_X64))
     #error another architecture
     #endif
     int main() {}"
    COVLASSO_TARGET_IS_X86_64)
check_cxx_compiler_flag(-fno-weak COVLASSO_HAS_NO_WEAK)

if(MSVC)
    set(covlasso_flags_avx2 /arch:AVX2)
    set(covlasso_flags_avx512 /arch:AVX512)
else()
    set(covlasso_flags_avx2 -mavx2 -mfma)
    set(covlasso_flags_avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512)
endif()

# Adds `source`, compiled for each instruction set, to `target`.
function(covlasso_add_backends target source)
    set(isas baseline)
    if(COVLASSO_TARGET_IS_X86_64)
        list(APPEND isas avx2 avx512)
        target_compile_definitions(${target} PRIVATE COVLASSO_X86=1)
    endif()
    foreach(isa IN LISTS isas)
        set(backend ${target}_${isa})
        add_library(${backend} OBJECT ${source})
        target_include_directories(${backend} PRIVATE $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
        target_compile_features(${backend} PRIVATE cxx_std_17)
        target_compile_definitions(${backend} PRIVATE COVLASSO_ISA=${isa})
        covlasso_compile_options(${backend})
        covlasso_kernel_options(${backend})
        target_compile_options(${backend} PRIVATE ${covlasso_flags_${isa}})
        # Without -fno-weak, the linker could keep this copy of an inline function (of std::vector, say) for the whole
        # program, and an older processor would stop at its instructions. It makes g++ warn of every constant in a
        # header, hence -w: the baseline has shown the warnings of this source already. It makes type_info local too,
        # which the sanitizers' check of dynamic types does not understand.
        if(COVLASSO_HAS_NO_WEAK AND NOT COVLASSO_SANITIZE AND NOT isa STREQUAL "baseline")
            target_compile_options(${backend} PRIVATE -fno-weak -w)
        endif()
        get_target_property(pic ${target} POSITION_INDEPENDENT_CODE)
        get_target_property(visibility ${target} CXX_VISIBILITY_PRESET)
        get_target_property(inlines ${target} VISIBILITY_INLINES_HIDDEN)
        set_target_properties(
            ${backend} PROPERTIES POSITION_INDEPENDENT_CODE ${pic} CXX_VISIBILITY_PRESET ${visibility} CXX_EXTENSIONS OFF
                                  VISIBILITY_INLINES_HIDDEN ${inlines})
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:${backend}>)
    endforeach()
endfunction()
