// The memory of a serial team's buffers: blocks of the heap that end with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace covlasso {
namespace COVLASSO_ISA {

class Heap {
public:
    Heap() = default;
    ~Heap() {
        while (ring_.after != &ring_) give_back(memory_of(ring_.after));
    }
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;

    /// `bytes` of uninitialised memory.
    void* take(std::size_t bytes) {
        void* raw = std::malloc(bytes + 2 * alignment);
        if (raw == nullptr) throw std::bad_alloc();
        const auto address = (reinterpret_cast<std::uintptr_t>(raw) + alignment - 1) & ~(alignment - 1);
        Block* block = new (reinterpret_cast<void*>(address)) Block{&ring_, ring_.after, raw};
        block->after->before = block->before->after = block;
        return memory_of(block);
    }

    /// Frees what take() gave; nothing for nullptr.
    void give_back(void* memory) {
        if (memory == nullptr) return;
        const Block* block = reinterpret_cast<Block*>(static_cast<char*>(memory) - alignment);
        block->after->before = block->before;
        block->before->after = block->after;
        std::free(block->raw);
    }

private:
    static constexpr std::uintptr_t alignment = 64;  // a cache line, and the widest vector

    /// Stands `alignment` bytes before every piece of memory; all are linked in a ring.
    struct Block {
        Block* before;
        Block* after;
        void* raw;
    };

    static void* memory_of(Block* block) { return reinterpret_cast<char*>(block) + alignment; }

    Block ring_{&ring_, &ring_, nullptr};
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
