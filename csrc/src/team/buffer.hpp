// Scratch memory for the solver: aligned, uninitialised, growing by doubling; the team owns it.
#pragma once

#include "covlasso/matrix.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// Where an array is and how long. Each lane of a team has its own copy of these, the array belongs to all; a plain
/// copy may be made, as the memory is the team's and ends with it.
///
/// Not std::vector: its templates, instantiated here for a newer instruction set, could be linked into code that runs
/// on an older processor; and a GPU has none.
template <class T>
class Buffer {
public:
    COVLASSO_FN T* data() { return data_; }
    COVLASSO_FN const T* data() const { return data_; }
    COVLASSO_FN T& operator[](Index i) { return data_[i]; }
    COVLASSO_FN const T& operator[](Index i) const { return data_[i]; }

    /// Room for `count` elements; the first `used` of the old ones are kept.
    template <class Team>
    COVLASSO_FN void reserve(const Team& team, Index count, Index used = 0) {
        if (count <= capacity_) return;
        const Index grown = count > 2 * capacity_ ? count : 2 * capacity_;
        T* data = static_cast<T*>(team.take(static_cast<std::size_t>(grown) * sizeof(T)));
        if (used > 0) move(team, data, used);
        team.give_back(data_);
        data_ = data;
        capacity_ = grown;
    }

    COVLASSO_FN void swap(Buffer& other) {
        const Buffer mine = *this;
        *this = other;
        other = mine;
    }

private:
    template <class Team>
    COVLASSO_STEP void move(const Team& team, T* data, Index used) const {
        const T* old = data_;
        team.sync();
        team.for_each(used, [=](Index i) { data[i] = old[i]; });
        team.sync();
    }

    T* data_ = nullptr;
    Index capacity_ = 0;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
