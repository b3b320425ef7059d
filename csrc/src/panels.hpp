// A dense matrix cut into panels of 32 columns, each contiguous: the shape in which all inner products stream.
#pragma once

#include "buffer.hpp"
#include "team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// Number of panels that n columns need.
inline Index panel_count(Index n) { return (n + panel_width - 1) / panel_width; }

/// n rounded up to whole panels.
inline Index padded(Index n) { return panel_count(n) * panel_width; }

/// Entry (r, j) lies in panel j / 32, row r, place j % 32. Columns past the last used one in a panel are padding:
/// they hold zeros, so that loops may run over whole panels.
class Panels {
public:
    /// Room for `rows` rows; columns are added by grow().
    void set_rows(Index rows) { rows_ = rows; }

    /// Room for `columns` columns; those already there are kept.
    void grow(Index columns, Index used) {
        data_.reserve(panel_count(columns) * rows_ * panel_width, panel_count(used) * rows_ * panel_width);
    }

    double* panel(Index q) { return data_.data() + q * rows_ * panel_width; }
    const double* panel(Index q) const { return data_.data() + q * rows_ * panel_width; }
    double& at(Index r, Index j) { return panel(j / panel_width)[r * panel_width + j % panel_width]; }
    double at(Index r, Index j) const { return panel(j / panel_width)[r * panel_width + j % panel_width]; }

    /// Where column j begins; its entry in row r lies r * panel_width further.
    const double* column(Index j) const { return panel(j / panel_width) + j % panel_width; }
    double* column(Index j) { return panel(j / panel_width) + j % panel_width; }

    /// Row `to` becomes a copy of row `from`, in the first `columns` columns.
    template <class Team>
    void copy_row(Team team, Index from, Index to, Index columns) {
        for (Index q = 0; q < panel_count(columns); ++q) {
            double* base = panel(q);
            team.for_each(panel_width,
                          [=](Index t) { base[to * panel_width + t] = base[from * panel_width + t]; });
        }
        team.sync();
    }

    /// out_j = sum over r < rows of x_r (r, j), for all columns (padded).
    template <class Team>
    void product(Team team, Index rows, Index columns, const double* x, double* out) const {
        for (Index q = 0; q < panel_count(columns); ++q) {
            double* to = out + q * panel_width;
            team.combine(panel(q), rows, x, [=](Index t, double total) { to[t] = total; });
        }
        team.sync();
    }

    /// (r, j) += scale * x_r * x_j for r < rows and all columns (padded).
    template <class Team>
    void add_outer(Team team, Index rows, Index columns, const double* x, double scale) {
        for (Index q = 0; q < panel_count(columns); ++q) {
            double* base = panel(q);
            const double* xq = x + q * panel_width;
            for (Index r = 0; r < rows; ++r) {
                const double xr = scale * x[r];
                double* row = base + r * panel_width;
                team.for_each(panel_width, [=](Index t) { row[t] += xr * xq[t]; });
            }
        }
        team.sync();
    }

private:
    Index rows_ = 0;
    Buffer<double> data_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
