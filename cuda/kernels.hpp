// The kernels that blocks run over targets, as the host starts them.
#pragma once

#include <cuda_runtime_api.h>

#include "algorithm/records.hpp"
#include "inputs.hpp"

namespace covlasso {
namespace cuda {

/// What became of a target in a round.
enum class Fate : unsigned char {
    waiting,  ///< not begun
    done,
    dry,     ///< the memory of its block did not suffice
    crowded  ///< its results found no room
};

/// What host and device tell each other while a round is going on.
struct Signals {
    int stop = 0;
    int pause = 0;   ///< no block begins another target: the next round does
    Index done = 0;  ///< targets, about
};

/// How many blocks there are, and how much memory each has.
struct Shape {
    int blocks;
    std::size_t near;  ///< shared memory
    std::size_t far;   ///< of the device
};

/// A queue of targets from which the blocks take one after the other, until it is empty or a fault of the moments known.
struct Round {
    Job job;
    const Fault* fault;
    Index first;           ///< the target of the first fate
    const Index* targets;  ///< those to do
    Index count;
    unsigned long long* taken;
    Fate* fate;  ///< one per target from `first` on
    volatile Signals* signals;
    char* far;
    Shape shape;
};

/// An array that blocks fill one after the other; `used` may exceed its size, by what found no room.
template <class T>
struct Pool {
    T* data;
    unsigned long long size;
    unsigned long long* used;
};

/// Where in a pool the results of a target are.
struct Span {
    Index begin, count;
};

// What the host copies has no padding: a kernel writes none, and memory never written is not to be read. So numbers of
// sources and statuses are wider in rows and terms than elsewhere.

/// The outcome of a path, and where its events are.
struct FollowedRow {
    double lambda_max, lambda_end, kkt;
    Index culprit, status;
    Span events;

    COVLASSO_FN static FollowedRow of(const Outcome& path, Span events) {
        return {path.lambda_max, path.lambda_end, path.kkt, path.culprit, static_cast<Index>(path.status),
                events};
    }
    Outcome outcome() const {
        return {static_cast<Status>(status), lambda_max, lambda_end, kkt, static_cast<Id>(culprit)};
    }
};
void launch_follow(const Round& round, FollowedRow* rows, const Pool<Event>& events, cudaStream_t stream);

/// Paths from round.first on, as they are stored.
struct StoredPaths {
    const Event* event;
    const Index* offset;
    const Outcome* outcome;
};

struct Term {
    double value;
    Index source;
};
/// A solution, and where its terms are.
struct FoundRow {
    double lambda, error, kkt;
    Index status;
    Span terms;

    COVLASSO_FN static FoundRow of(const Solution& found, Span terms) {
        return {found.lambda, found.error, found.kkt, static_cast<Index>(found.status), terms};
    }
};
void launch_read(const Round& round, const Place& place, const StoredPaths& stored, FoundRow* rows,
                 const Pool<Term>& terms, cudaStream_t stream);

/// The pieces of the only target, one after the other: counts[m] sources of piece m.
struct PieceArrays {
    Id* source;
    double *base, *slope;
    double* error;  ///< four per piece
    Index* count;
};
void launch_pieces(const Round& round, const StoredPaths& stored, const PieceArrays& out,
                   cudaStream_t stream);

/// The lowest compute capability that this build has code for: 75 for 7.5.
int least_capability();

/// The most blocks that run at a time on the current device, and their shared memory.
Shape follow_shape();
Shape read_shape();

}  // namespace cuda
}  // namespace covlasso
