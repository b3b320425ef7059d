// The team that executes the algorithm: one serial lane on a processor (serial_team.hpp), lanes that share memory on a GPU
// (lane_team.hpp).
//
// All lanes execute the same text. Objects, and with them all scalars, belong to a lane: each computes them for itself,
// from the same numbers, so they agree. Arrays (Buffer) belong to the team. A lane writes to an array only within
// for_each, for_tiles, combine, select or one. Between a write and what another lane does with that element, read or
// write, stands sync(); select, from_one and stopped have it inside. The loops call their function for every element
// once, on any lane and in any order; reductions may call theirs on several lanes, so it changes nothing, and return the
// same on every lane.
//
// Who acts keeps a team, who is acted upon is handed one: a part of the algorithm is a template of its team, made with it
// and the Gram, and keeps both (TeamWorker, Homotopy, Query, Piece, Answer, CoordinateDescent); what it works on is a plain
// class, which is handed the team with each call, and the Gram where it reads it (Buffer, Panels, ActiveSet, ...).
#pragma once

#include <type_traits>

#include "covlasso/gram.hpp"
#include "team/panels.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// The largest value found, and the smallest index that attains it (-1: none beat the bound).
struct Best {
    double value;
    Index index;
};

/// max(a, b), without the rules of std::fmax for NaN that would cost a branch.
COVLASSO_FN inline double larger(double a, double b) { return a > b ? a : b; }

/// What a team provides, as the compiler checks it: static_assert(is_team<Team>), which TeamWorker asks of every team, names
/// what is missing.
template <class Team>
class Contract {
    // What the calls below are made with; declared only.
    static const Team& team;
    static const typename Team::Gram& gram;
    static Panels& panels;
    static Index n, count, rows, first, end, first_row;
    static Id i, j;
    static const Id *row, *columns;
    static Id* list;
    static double bound, *out, *scratch;
    static const double* coefficient;
    static SparseVector x;
    static void act();
    static Index find();
    static void visit(Index j);
    static void visit_tile(Index q, Index r, Index t);
    static void finish(Index j, double result);
    static double value(Index j);
    static double numerator(Index j);
    static double denominator(Index j);
    static bool holds(Index j);

    // ---- its lanes and their memory ----

    /// The barrier of all lanes.
    static_assert(std::is_same_v<decltype(team.sync()), void>);
    /// Whether the caller wants the work to end.
    static_assert(std::is_same_v<decltype(team.stopped()), bool>);
    /// So many bytes of memory for a Buffer, and its end.
    static_assert(std::is_same_v<decltype(team.take(sizeof(double))), void*>);
    static_assert(std::is_same_v<decltype(team.give_back(scratch)), void>);
    /// act() on one lane.
    static_assert(std::is_same_v<decltype(team.one(act)), void>);
    /// What find() returns, called on one lane after all have come here.
    static_assert(std::is_same_v<decltype(team.from_one(find)), Index>);

    // ---- loops and reductions ----

    /// visit(j) for 0 <= j < n.
    static_assert(std::is_same_v<decltype(team.for_each(n, visit)), void>);
    /// visit_tile(q, r, t) for all panels q < count, rows r < rows and columns t of a panel.
    static_assert(std::is_same_v<decltype(team.for_tiles(count, rows, visit_tile)), void>);
    /// The sum of value(j) for 0 <= j < n.
    static_assert(std::is_same_v<decltype(team.sum(n, value)), double>);
    /// The largest of value(j) and 0.
    static_assert(std::is_same_v<decltype(team.max(n, value)), double>);
    /// The largest of value(j), and the lowest j of equal ones; 0 and -1 where none is above 0.
    static_assert(std::is_same_v<decltype(team.largest(n, value)), Best>);
    /// Whether holds(j) for some j < n.
    static_assert(std::is_same_v<decltype(team.any_of(n, holds)), bool>);
    /// The largest of the fractions numerator(j) / denominator(j) that exceed `bound`, the lowest j of equal ones. n is a
    /// multiple of panel_width; denominators are positive wherever the numerator is.
    static_assert(std::is_same_v<decltype(team.largest_fraction(n, bound, numerator, denominator)), Best>);
    /// Writes the j with holds(j) to `list` in ascending order, at most n numbers; returns how many.
    static_assert(std::is_same_v<decltype(team.select(n, holds, list)), Index>);
    /// finish(j, sum over r < rows of coefficient[r] * (r, j)) for every column j of the first `count` panels.
    static_assert(std::is_same_v<decltype(team.combine(panels, count, rows, coefficient, finish)), void>);

    // ---- its kind of Gram ----

    /// p.
    static_assert(std::is_same_v<decltype(size(team, gram)), Index>);
    /// G(i, j).
    static_assert(std::is_same_v<decltype(entry(team, gram, i, j)), double>);
    /// out[t] = G(i, columns[t]) for t < count.
    static_assert(std::is_same_v<decltype(gather(team, gram, i, columns, count, out)), void>);
    /// (first_row + r, j) = G(row[r], columns[j]) for r < rows and first <= j < end; the panels have room for them.
    static_assert(
        std::is_same_v<decltype(gather_rows(team, gram, row, rows, columns, first, end, panels, first_row)),
                       void>);
    /// Whether a Gram may have approximates(team, gram): then multiply_within(team, gram, tolerance, x, scratch, finish) is the
    /// following within a radius <= tolerance, which it returns (covlasso::Gram). Else nobody asks for either.
    static_assert(std::is_same_v<decltype(Team::approximates), const bool>);
    /// finish(j, (G x)_j) for 0 <= j < p; `scratch` has room for p numbers.
    static_assert(std::is_same_v<decltype(multiply(team, gram, x, scratch, finish)), void>);
};

/// Does not compile unless Team provides what Contract asks for.
template <class Team>
inline constexpr bool is_team = sizeof(Contract<Team>) > 0;

}  // namespace COVLASSO_ISA
}  // namespace covlasso
