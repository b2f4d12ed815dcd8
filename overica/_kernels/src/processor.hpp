// Which kernels this processor runs: the widest instruction set that was compiled and is there.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "interface.hpp"

#ifdef OVERICA_X86
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace overica {

namespace baseline { extern const Kernels KERNELS; }
#ifdef OVERICA_X86
namespace avx2 { extern const Kernels KERNELS; }
namespace avx512 { extern const Kernels KERNELS; }
#endif

#ifdef OVERICA_X86
// Asked of the processor itself: what compilers offer for it (__builtin_cpu_supports) is a stub in some.
struct Registers {
    std::uint32_t word[4];  // eax, ebx, ecx, edx
    bool has(int index, std::uint32_t mask) const { return (word[index] & mask) == mask; }
};

inline Registers cpuid(std::uint32_t leaf) {
    Registers r{};
#if defined(_MSC_VER)
    int info[4];
    __cpuidex(info, (int)leaf, 0);
    for (int i = 0; i < 4; i++) r.word[i] = (std::uint32_t)info[i];
#else
    if (leaf <= (std::uint32_t)__get_cpuid_max(0, nullptr))
        __cpuid_count(leaf, 0, r.word[0], r.word[1], r.word[2], r.word[3]);
#endif
    return r;
}

// Which registers the system saves (XCR0); 0 where it does not say.
inline std::uint64_t saved_registers() {
    if (!cpuid(1).has(2, 1u << 27)) return 0;
#if defined(_MSC_VER)
    return _xgetbv(0);
#else
    std::uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (std::uint64_t)high << 32 | low;
#endif
}

// AVX2, FMA, BMI, BMI2, F16C, MOVBE, POPCNT; LZCNT comes with them.
inline bool has_avx2() {
    return (saved_registers() & 0x6) == 0x6 && cpuid(1).has(2, 1u << 12 | 1u << 22 | 1u << 23 | 1u << 29) &&
           cpuid(7).has(1, 1u << 3 | 1u << 5 | 1u << 8);
}

// AVX-512 F, DQ, CD, BW, VL.
inline bool has_avx512() {
    return has_avx2() && (saved_registers() & 0xe6) == 0xe6 &&
           cpuid(7).has(1, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31);
}
#endif

// Those that run here, the widest first.
inline std::vector<const Kernels *> available_kernels() {
    std::vector<const Kernels *> found;
#ifdef OVERICA_X86
    if (has_avx512()) found.push_back(&avx512::KERNELS);
    if (has_avx2()) found.push_back(&avx2::KERNELS);
#endif
    found.push_back(&baseline::KERNELS);
    return found;
}

inline const Kernels *&chosen_kernels() {
    static const Kernels *chosen = available_kernels().front();
    return chosen;
}

inline void choose_kernels(const std::string &name) {
    for (const Kernels *kernels : available_kernels())
        if (name == kernels->name) {
            chosen_kernels() = kernels;
            return;
        }
    throw std::invalid_argument("`name` must be an instruction set of this processor, got '" + name + "'");
}

}  // namespace overica
