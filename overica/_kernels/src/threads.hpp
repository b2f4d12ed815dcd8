// Threads that live for one call: none is left for a forked child to miss.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace overica {

// Call work(worker) for every worker below `workers`, side by side; the caller is one of them.
template <class Work>
void in_parallel(int workers, const Work &work) {
    std::vector<std::thread> others;
    others.reserve(workers);
    int started = 1;
    try {
        for (; started < workers; started++) others.emplace_back([&work, started] { work(started); });
    } catch (const std::system_error &) {
        // No more threads are to be had: the caller does what is left.
    }
    work(0);
    for (int worker = started; worker < workers; worker++) work(worker);
    for (std::thread &other : others) other.join();
}

// Multiplications of X A that a thread must have to do, some milliseconds of the whole. On a machine
// that is busy with other things the threads wait for the slowest one until that is scheduled again.
constexpr double WORK_PER_THREAD = 4e6;

inline int workers_for(int allowed, double multiplications) {
    return (int)std::max(1.0, std::min((double)allowed, multiplications / WORK_PER_THREAD));
}

// Memory that starts on a cache line. Contents are not set.
class Memory {
   public:
    explicit Memory(std::size_t bytes) : raw_(static_cast<char *>(std::malloc(bytes + 64))) {
        if (!raw_) throw std::bad_alloc();
        start_ = raw_ + (64 - reinterpret_cast<std::uintptr_t>(raw_) % 64) % 64;
    }
    ~Memory() { std::free(raw_); }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;

    char *bytes() const { return start_; }
    template <class T>
    T *as() const { return reinterpret_cast<T *>(start_); }

   private:
    char *raw_, *start_;
};

}  // namespace overica
