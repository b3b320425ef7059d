// A pool of threads over independent items, watched by the calling thread.
#pragma once

#include <atomic>
#include <functional>

#include "covlasso/problem.hpp"

namespace covlasso {

/// The number of threads that `asked` stands for (0: one per hardware thread), at most one per item.
int thread_count(int asked, Index items);

/// What surrounds a thread's work: it calls take_items once.
using ThreadScope = std::function<void(int thread, const std::function<void()>& take_items)>;

/// Runs body(thread, item) for all items, each on one of `threads` threads that take the next item when they are free.
///
/// The calling thread waits, calls `progress` (if any), and sets `stop` when that returns false; items not begun by
/// then are left out. An exception of a body or of `progress` ends the work and is thrown on. Where `scope` is given,
/// each thread does its items within scope(thread, take_items).
void for_each_item(int threads, Index items, const Progress& progress, std::atomic<bool>& stop,
                   const std::function<void(int thread, Index item)>& body, const ThreadScope& scope = {});

}  // namespace covlasso
