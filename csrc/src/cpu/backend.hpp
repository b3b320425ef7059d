// What a set of instructions provides: the solver's inner code, compiled once for each and chosen at run time.
#pragma once

#include <atomic>
#include <memory>

#include "covlasso/path.hpp"

namespace covlasso {

/// How the path of one target ended.
struct Outcome {
    Status status = Status::certified;
    double lambda_max = 0.0;
    double lambda_end = 0.0;
    double kkt =
        0.0;  ///< largest violation at the end, relative to lambda_end (to lambda_max where that is 0)
    Id culprit = -1;  ///< the source whose entry showed an indefinite Gram, or the target itself

    static constexpr Id the_target = -2;
};

/// A path as it is stored: its events and its end.
struct PathView {
    const Event* event;
    Index count;
    Outcome outcome;
};

/// One solution; the arrays are the worker's own, valid until its next call.
struct Solution {
    const Id* index;
    const double* value;
    Index count;
    double lambda, error, kkt;
    Status status;
};

/// Where a solution is wanted on every path.
struct Place {
    enum Kind {
        at_lambda,
        at_terms,
        at_relative_error
    } kind;
    const double* lambda = nullptr;  ///< one per target (at_lambda)
    Index terms = 0;                 ///< at_terms
    double relative_error = 0.0;     ///< at_relative_error
    bool refit = false;
};

/// One piece of a path, b = base - lambda slope on `count` sources, with b'Gb - 2c'b + e as a polynomial in lambda; the
/// arrays are the worker's own, valid until its next call.
struct PieceView {
    const Id* source;
    const double *base, *slope;
    Index count;
    double error[3];  ///< factors of 1, lambda, lambda^2
};

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

/// An inner product of two rows of a factor is added up in this many partial sums: a 512-bit vector of them.
inline constexpr Index partial_sums = 8;

/// The code of one set of instructions.
struct Backend {
    const char* name;
    /// root: sqrt(G_jj) for all sources. Everything referred to must outlive the worker.
    std::unique_ptr<Worker> (*make_worker)(const Problem&, const Options&, const double* root,
                                           const std::atomic<bool>* stop);
    /// out = G x for one sparse vector.
    void (*multiply_f32)(const MatrixView<float>& g, const Id* index, const double* x, Index count,
                         double* out);
    void (*multiply_f64)(const MatrixView<double>& g, const Id* index, const double* x, Index count,
                         double* out);
    /// out[v][j] = f_j . u_v for all rows f_j of F; the vectors u_v follow one another.
    void (*multiply_factor)(const MatrixView<double>& f, const double* u, Index vectors, double* const* out);
    /// out[t] = f_row . f_columns[t]
    void (*gather_factor)(const MatrixView<double>& f, Id row, const Id* columns, Index count, double* out);
};

/// The best code that this processor runs.
const Backend& backend();

}  // namespace covlasso
