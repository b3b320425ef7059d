#include "cpu/parallel.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace covlasso {

int thread_count(int asked, Index items) {
    const int available = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    const Index wanted = asked > 0 ? asked : available;
    return static_cast<int>(std::max<Index>(1, std::min(wanted, items)));
}

namespace {

/// What the threads share while they work.
struct Work {
    std::atomic<Index> next{0};
    std::atomic<Index> done{0};
    std::mutex mutex;
    std::condition_variable finished;
    int running = 0;
    std::exception_ptr failure;
};

void take_items(Work& work, int thread, Index items, std::atomic<bool>& stop,
                const std::function<void(int, Index)>& body) {
    for (Index item = work.next++; item < items && !stop.load(std::memory_order_relaxed);
         item = work.next++) {
        body(thread, item);
        ++work.done;
    }
}

/// The life of a thread: its share of the work, and word of its end.
void take_part(Work& work, std::atomic<bool>& stop, const std::function<void()>& share) {
    try {
        share();
    } catch (...) {
        stop = true;
        const std::lock_guard<std::mutex> lock(work.mutex);
        if (!work.failure) work.failure = std::current_exception();
    }
    const std::lock_guard<std::mutex> lock(work.mutex);
    if (--work.running == 0) work.finished.notify_one();
}

/// Calls progress until all threads have ended, and once after that; the lock is free meanwhile, so that they can end.
void watch(Work& work, Index items, const Progress& progress, std::atomic<bool>& stop) {
    constexpr auto interval = std::chrono::milliseconds(50);
    std::unique_lock<std::mutex> lock(work.mutex);
    for (bool ended = false; !ended;) {
        ended = work.finished.wait_for(lock, interval, [&] { return work.running == 0; });
        if (!progress || stop) continue;
        lock.unlock();
        try {
            if (!progress(work.done, items)) stop = true;
        } catch (...) {
            stop = true;
            const std::lock_guard<std::mutex> guard(work.mutex);
            if (!work.failure) work.failure = std::current_exception();
        }
        lock.lock();
    }
}

}  // namespace

void for_each_item(int threads, Index items, const Progress& progress, std::atomic<bool>& stop,
                   const std::function<void(int, Index)>& body, const ThreadScope& scope) {
    Work work;
    work.running = threads;
    const auto live = [&](int thread) {
        const auto share = [&, thread] { take_items(work, thread, items, stop, body); };
        take_part(work, stop, [&] { scope ? scope(thread, share) : share(); });
    };
    std::vector<std::thread> pool;
    pool.reserve(static_cast<std::size_t>(threads));
    try {
        for (int thread = 0; thread < threads; ++thread) pool.emplace_back(live, thread);
    } catch (const std::system_error&) {  // the system has no more threads: those that began do the work
        if (pool.empty()) throw;
        const std::lock_guard<std::mutex> lock(work.mutex);
        work.running -= threads - static_cast<int>(pool.size());
    }
    watch(work, items, progress, stop);
    for (std::thread& thread : pool) thread.join();
    if (work.failure) std::rethrow_exception(work.failure);
}

}  // namespace covlasso
