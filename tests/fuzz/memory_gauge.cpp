#include "tests/fuzz/memory_gauge.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

#include <vivarium/assert.hpp>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VIVARIUM_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define VIVARIUM_ADDRESS_SANITIZER
#endif

namespace {

// Of the one thread that a fuzzer has.
std::size_t held = 0;
std::size_t peak = 0;

void add(std::size_t bytes) {
  held += bytes;
  peak = std::max(peak, held);
}

}  // namespace

#ifdef VIVARIUM_ADDRESS_SANITIZER

// Of the sanitizers' runtime; gcc installs no header for these.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void*, std::size_t),
                                              void (*freed)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void* block);
}

namespace {

// Blocks from before the hooks make the count wrap; only differences are looked at.
const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t size) { add(size); },
    [](const volatile void* block) { held -= __sanitizer_get_allocated_size(block); });

}  // namespace

#else

#include <malloc.h>

namespace {

void* counted(void* block) {
  if (!block) throw std::bad_alloc();
  add(::malloc_usable_size(block));
  return block;
}

void uncounted(void* block) {
  if (!block) return;
  held -= ::malloc_usable_size(block);
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void* operator new[](std::size_t size) { return counted(std::malloc(size)); }
void operator delete(void* block) noexcept { uncounted(block); }
void operator delete[](void* block) noexcept { uncounted(block); }
void operator delete(void* block, std::size_t) noexcept { uncounted(block); }
void operator delete[](void* block, std::size_t) noexcept { uncounted(block); }

#endif

namespace vivarium::fuzz {

MemoryGauge::MemoryGauge() : begin_(held) {
#ifdef VIVARIUM_ADDRESS_SANITIZER
  VIVARIUM_ASSERT(installed != 0, "the sanitizer takes no hooks, so memory is not counted");
#endif
  peak = held;
}

std::size_t MemoryGauge::peak_bytes() const { return peak - begin_; }

void MemoryGauge::check(std::size_t allowed) const {
  VIVARIUM_ASSERT(peak_bytes() <= allowed, "memory of " + std::to_string(peak_bytes()) +
                                               " bytes, where " + std::to_string(allowed) +
                                               " would do");
}

}  // namespace vivarium::fuzz
