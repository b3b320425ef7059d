// What every Gram does by default, and the dense Gram over the caller's memory.
#include "covlasso/gram.hpp"

#include <type_traits>

#include "cpu/backend.hpp"

namespace covlasso {

double Gram::multiply_within(double, SparseVector x, double* out) const {
    multiply(x, out);
    return 0.0;
}

void Gram::multiply_all(Product* products, Index count) const {
    for (Index i = 0; i < count; ++i) {
        Product& product = products[i];
        if (product.tolerance > 0.0)
            product.radius = multiply_within(product.tolerance, product.x, product.out);
        else
            multiply(product.x, product.out);
    }
}

template <class T>
void DenseGram<T>::diagonal(double* out) const {
    for (Index j = 0; j < view_.rows; ++j) out[j] = static_cast<double>(view_(j, j));
}

template <class T>
void DenseGram<T>::gather(Id row, const Id* columns, Index count, double* out) const {
    const T* entries = view_.row(row);
    for (Index t = 0; t < count; ++t) out[t] = static_cast<double>(entries[columns[t]]);
}

template <class T>
void DenseGram<T>::multiply(SparseVector x, double* out) const {
    if constexpr (std::is_same_v<T, float>)
        backend().multiply_f32(view_, x, out);
    else
        backend().multiply_f64(view_, x, out);
}

template <class T>
double DenseGram<T>::epsilon() const {
    return std::is_same_v<T, float> ? 0x1p-24 : 0x1p-53;
}

template class DenseGram<float>;
template class DenseGram<double>;

}  // namespace covlasso
