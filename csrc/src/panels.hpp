// A dense matrix cut into panels of 32 columns, each contiguous: the shape in which all inner products stream.
#pragma once

#include "buffer.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// Columns that are worked on together: four 512-bit vectors of double on the CPU, a warp on the GPU.
inline constexpr Index panel_width = 32;

/// Number of panels that n columns need.
COVLASSO_FN inline Index panel_count(Index n) { return (n + panel_width - 1) / panel_width; }

/// n rounded up to whole panels.
COVLASSO_FN inline Index padded(Index n) { return panel_count(n) * panel_width; }

/// Entry (r, j) lies in panel j / 32, row r, place j % 32. Columns past the last used one in a panel are padding:
/// they hold zeros, so that loops may run over whole panels.
class Panels {
public:
    /// Room for `rows` rows; columns are added by grow().
    COVLASSO_FN void set_rows(Index rows) { rows_ = rows; }

    /// Room for `columns` columns; those already there are kept.
    template <class Team>
    COVLASSO_FN void grow(const Team& team, Index columns, Index used) {
        data_.reserve(team, panel_count(columns) * rows_ * panel_width,
                      panel_count(used) * rows_ * panel_width);
    }

    COVLASSO_FN double* panel(Index q) { return data_.data() + q * rows_ * panel_width; }
    COVLASSO_FN const double* panel(Index q) const { return data_.data() + q * rows_ * panel_width; }
    COVLASSO_FN double& at(Index r, Index j) {
        return panel(j / panel_width)[r * panel_width + j % panel_width];
    }
    COVLASSO_FN double at(Index r, Index j) const {
        return panel(j / panel_width)[r * panel_width + j % panel_width];
    }

    /// Where column j begins; its entry in row r lies r * panel_width further.
    COVLASSO_FN const double* column(Index j) const { return panel(j / panel_width) + j % panel_width; }
    COVLASSO_FN double* column(Index j) { return panel(j / panel_width) + j % panel_width; }

    /// Row `to` becomes a copy of row `from`, in the first `columns` columns.
    template <class Team>
    COVLASSO_FN void copy_row(const Team& team, Index from, Index to, Index columns) {
        double* base = data_.data();
        const Index size = rows_ * panel_width;
        team.for_tiles(panel_count(columns), 1, [=](Index q, Index, Index t) {
            base[q * size + to * panel_width + t] = base[q * size + from * panel_width + t];
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
        double* base = data_.data();
        const Index size = rows_ * panel_width;
        team.for_tiles(panel_count(columns), rows, [=](Index q, Index r, Index t) {
            base[q * size + r * panel_width + t] += scale * x[r] * x[q * panel_width + t];
        });
        team.sync();
    }

private:
    Index rows_ = 0;
    Buffer<double> data_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
