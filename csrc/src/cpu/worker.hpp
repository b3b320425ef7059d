// A worker of the processors, whatever its instructions: what a thread asks of it.
#pragma once

#include "algorithm/records.hpp"

namespace covlasso {

/// Solves one target after the other with memory of its own; every thread has one.
class Worker {
public:
    virtual ~Worker() = default;

    /// Follows the path of target t; its events are valid until the next call.
    virtual Outcome follow(Index t) = 0;
    virtual const Event* events() const = 0;
    virtual Index event_count() const = 0;

    /// The solution at `place` of the stored path of target t.
    virtual Solution read(Index t, const PathView& path, const Place& place) = 0;

    /// The piece of the stored path of target t above its first event, and then the one below each event in turn.
    virtual PieceView first_piece(Index t, const PathView& path) = 0;
    virtual PieceView next_piece(const Event& event) = 0;
};

}  // namespace covlasso
