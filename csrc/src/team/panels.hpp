// A dense matrix cut into panels of 32 columns, each contiguous: the shape in which all inner products stream.
#pragma once

#include "team/buffer.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// Columns that are worked on together: four 512-bit vectors of double on the CPU, a warp on the GPU.
inline constexpr Index panel_width = 32;

/// Columns for which there is room from the start, in the nearest memory that the team has.
inline constexpr Index first_columns = 2 * panel_width;

/// Number of panels that n columns need.
COVLASSO_FN inline Index panel_count(Index n) { return (n + panel_width - 1) / panel_width; }

/// n rounded up to whole panels.
COVLASSO_FN inline Index padded(Index n) { return panel_count(n) * panel_width; }

/// Entry (r, j) lies in panel j / 32, row r, place j % 32. Columns past the last used one in a panel are padding:
/// they hold zeros, so that loops may run over whole panels. Each panel has memory of its own, so that a new one moves none.
class Panels {
public:
    /// Room for `rows` rows; the first `used` of those there are kept.
    template <class Team>
    COVLASSO_STEP void reserve_rows(const Team& team, Index rows, Index used = 0) {
        if (rows <= rows_) return;
        rows_ = rows > 2 * rows_ ? rows : 2 * rows_;
        for (Index q = 0; q < count_; ++q) {
            double *old = panel_[q], *fresh = take_panel(team);
            team.sync();
            team.for_each(used * panel_width, [=](Index x) { fresh[x] = old[x]; });
            team.one([&] { panel_[q] = fresh; });
            team.sync();
            team.give_back(old);
        }
    }

    /// Room for `columns` columns.
    template <class Team>
    COVLASSO_FN void reserve_columns(const Team& team, Index columns) {
        const Index wanted = panel_count(columns);
        if (wanted <= count_) return;
        panel_.reserve(team, wanted, count_);
        for (; count_ < wanted; ++count_) {
            double* fresh = take_panel(team);
            team.one([&] { panel_[count_] = fresh; });
        }
        team.sync();
    }

    COVLASSO_FN double* panel(Index q) { return panel_[q]; }
    COVLASSO_FN const double* panel(Index q) const { return panel_[q]; }
    COVLASSO_FN double& at(Index r, Index j) {
        return panel(j / panel_width)[r * panel_width + j % panel_width];
    }
    COVLASSO_FN double at(Index r, Index j) const {
        return panel(j / panel_width)[r * panel_width + j % panel_width];
    }

    /// Where column j begins; its entry in row r lies r * panel_width further.
    COVLASSO_FN const double* column(Index j) const { return panel(j / panel_width) + j % panel_width; }

    /// Row `to` becomes a copy of row `from`, in the first `columns` columns.
    template <class Team>
    COVLASSO_FN void copy_row(const Team& team, Index from, Index to, Index columns) {
        double* const* panel = panel_.data();
        team.for_tiles(panel_count(columns), 1, [=](Index q, Index, Index t) {
            panel[q][to * panel_width + t] = panel[q][from * panel_width + t];
        });
        team.sync();
    }

    /// out_j = sum over r < rows of x_r (r, j), for all columns (padded).
    template <class Team>
    COVLASSO_STEP void product(const Team& team, Index rows, Index columns, const double* x,
                               double* out) const {
        team.combine(*this, panel_count(columns), rows, x, [=](Index j, double total) { out[j] = total; });
        team.sync();
    }

    /// (r, j) += scale * x_r * x_j for r < rows and all columns (padded).
    template <class Team>
    COVLASSO_STEP void add_outer(const Team& team, Index rows, Index columns, const double* x, double scale) {
        double* const* panel = panel_.data();
        team.for_tiles(panel_count(columns), rows, [=](Index q, Index r, Index t) {
            panel[q][r * panel_width + t] += scale * x[r] * x[q * panel_width + t];
        });
        team.sync();
    }

private:
    template <class Team>
    COVLASSO_FN double* take_panel(const Team& team) const {
        return static_cast<double*>(
            team.take(static_cast<std::size_t>(rows_ * panel_width) * sizeof(double)));
    }

    Index rows_ = 0;
    Index count_ = 0;
    Buffer<double*> panel_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
