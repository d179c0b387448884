//! Matrix products through the public API, on every device: ranks, views, the exact form, einsum, errors.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use taut::{DType, Device, ErrorKind, Tensor};

/// Small integers, so that every sum is exact in every dtype and order.
fn counting(shape: &[usize], dtype: DType, device: Device) -> Tensor {
    let len: usize = shape.iter().product();
    let values: Vec<i32> = (0..len).map(|i| (i * 7 % 11) as i32 - 5).collect();
    taut::tensor(values, ()).unwrap().view(shape).unwrap().to((dtype, device)).unwrap()
}

fn noise(shape: &[usize], device: Device) -> Tensor {
    taut::rand(shape, ()).unwrap().sub(0.5).unwrap().to(device).unwrap()
}

/// `(.., m, k) @ (.., k, n)` as a sum of element-wise products in int64, which shares no code with matmul.
fn expected(lhs: &Tensor, rhs: &Tensor) -> Vec<i64> {
    let wide = |t: &Tensor| t.cpu().unwrap().to(DType::I64).unwrap();
    let (lhs, rhs) = (wide(lhs).unsqueeze(-1).unwrap(), wide(rhs).unsqueeze(-3).unwrap());
    let products = lhs.mul(&rhs).unwrap();
    products.sum(-2).unwrap().to_vec().unwrap()
}

fn values(tensor: &Tensor) -> Vec<i64> {
    tensor.cpu().unwrap().to(DType::I64).unwrap().to_vec().unwrap()
}

#[test]
fn matmul_of_every_rank_and_dtype_is_the_sum_of_products() {
    let shapes: [(&[usize], &[usize], &[usize]); 10] = [
        (&[5], &[5], &[]),
        (&[4, 5], &[5], &[4]),
        (&[5], &[5, 6], &[6]),
        (&[4, 5], &[5, 6], &[4, 6]),
        (&[3, 4, 5], &[5], &[3, 4]),
        (&[5], &[3, 5, 6], &[3, 6]),
        (&[3, 4, 5], &[5, 6], &[3, 4, 6]),
        (&[4, 5], &[3, 5, 6], &[3, 4, 6]),
        (&[2, 1, 4, 5], &[3, 5, 6], &[2, 3, 4, 6]),
        (&[2, 0, 5], &[5, 3], &[2, 0, 3]),
    ];
    for device in common::devices() {
        // Sums are within an 8-bit integer, and what bfloat16 keeps exactly.
        for dtype in DType::ALL
            .into_iter()
            .filter(|&d| !matches!(d, DType::Bool | DType::U8) && device.supports(d))
        {
            for (left, right, shape) in shapes {
                let (lhs, rhs) = (counting(left, dtype, device), counting(right, dtype, device));
                let product = lhs.matmul(&rhs).unwrap();
                assert_eq!(
                    (product.dtype(), product.shape()),
                    (dtype, shape),
                    "{left:?} {right:?}"
                );
                let matrix =
                    |t: &Tensor, dim| if t.dim() == 1 { t.unsqueeze(dim) } else { Ok(t.alias()) };
                let expected = expected(&matrix(&lhs, 0).unwrap(), &matrix(&rhs, 1).unwrap());
                assert_eq!(
                    values(&product),
                    expected,
                    "{left:?} @ {right:?} of {dtype} on {device}"
                );
                assert_eq!(values(&lhs.matmul_exact(&rhs).unwrap()), expected);
            }
        }
    }
}

#[test]
fn matmul_of_views_is_that_of_copies() {
    for device in common::devices() {
        let base = counting(&[3, 40, 70], DType::F32, device);
        let views = [
            base.i((0, .., ..)).unwrap(),
            base.i((1, .., ..)).unwrap().t().unwrap(),
            base.i((.., 3, ..)).unwrap(),
            base.i((2, taut::slice(1, 40).step(2), taut::slice(5, 60).step(3))).unwrap(),
            base.i((0, 0, ..)).unwrap().unsqueeze(0).unwrap().expand([4, -1]).unwrap(),
            base.transpose(0, 2).unwrap(),
            base.transpose(1, 2).unwrap(),
        ];
        for view in views {
            let turned = view.transpose(-1, -2).unwrap();
            let (copy, turned_copy) = (view.clone(), turned.contiguous().unwrap());
            let product = view.matmul(&turned).unwrap();
            assert_eq!(values(&product), values(&copy.matmul(&turned_copy).unwrap()));
            assert_eq!(
                values(&product),
                expected(&view, &turned),
                "{view:?} on {device}",
                view = view.shape()
            );
        }
    }
}

#[test]
fn matmul_sees_writes_before_it_and_not_after() {
    for device in common::devices() {
        let a = counting(&[20, 20], DType::I32, device);
        let before = values(&a);
        let first = a.matmul(&a).unwrap();
        a.add_(1).unwrap();
        let second = a.matmul(&a.t().unwrap()).unwrap();
        a.fill_(0).unwrap();
        let sum = first.add(&second).unwrap();
        let old = taut::tensor(before, ()).unwrap().view([20, 20]).unwrap();
        let new = old.add(1).unwrap();
        let expected: Vec<i64> = expected(&old, &old)
            .into_iter()
            .zip(expected(&new, &new.t().unwrap()))
            .map(|(a, b)| a + b)
            .collect();
        assert_eq!(values(&sum), expected, "{device}");
    }
}

#[test]
fn matmul_exact_has_the_same_bits_on_every_device() {
    for (left, right) in [([33, 700], [700, 20]), ([1, 5000], [5000, 3]), ([9, 40], [40, 1])] {
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let (lhs, rhs) = (noise(&left, Device::Cpu), noise(&right, Device::Cpu));
            let (lhs, rhs) = (lhs.to(dtype).unwrap(), rhs.to(dtype).unwrap());
            let bits = |product: Tensor| {
                product.cpu().unwrap().to(DType::F32).unwrap().to_vec::<f32>().unwrap()
            };
            let reference = bits(lhs.matmul_exact(&rhs).unwrap());
            for device in common::devices() {
                let (lhs, rhs) = (lhs.to(device).unwrap(), rhs.to(device).unwrap());
                assert_eq!(bits(lhs.matmul_exact(&rhs).unwrap()), reference, "{dtype} on {device}");
                // A view in another order has the same elements.
                let turned = rhs.t().unwrap().contiguous().unwrap().t().unwrap();
                assert_eq!(bits(lhs.matmul_exact(&turned).unwrap()), reference);
            }
        }
    }
}

#[test]
fn products_with_a_vector_have_the_same_bits_on_every_device() {
    let (matrix, vector) = (noise(&[70, 300], Device::Cpu), noise(&[300], Device::Cpu));
    let bits = |product: &Tensor| product.to_vec::<f32>().unwrap();
    let products = |matrix: &Tensor, vector: &Tensor| {
        let column = matrix.t().unwrap().contiguous().unwrap();
        [
            matrix.mv(vector).unwrap(),
            column.t().unwrap().mv(vector).unwrap(),
            vector.matmul(&column).unwrap(),
            vector.matmul(&matrix.t().unwrap()).unwrap(),
            vector.dot(vector).unwrap(),
        ]
        .map(|product| bits(&product))
    };
    let reference = products(&matrix, &vector);
    for device in common::devices() {
        let got = products(&matrix.to(device).unwrap(), &vector.to(device).unwrap());
        assert_eq!(got, reference, "{device}");
    }
}

#[test]
fn matmul_on_devices_differs_by_no_more_than_documented() {
    let (lhs, rhs) = (noise(&[130, 513], Device::Cpu), noise(&[513, 70], Device::Cpu));
    let size: Vec<f32> =
        lhs.abs().unwrap().matmul_exact(&rhs.abs().unwrap()).unwrap().to_vec().unwrap();
    let reference: Vec<f32> = lhs.matmul(&rhs).unwrap().to_vec().unwrap();
    for device in common::devices() {
        let (lhs, rhs) = (lhs.to(device).unwrap(), rhs.to(device).unwrap());
        let got: Vec<f32> = lhs.matmul(&rhs).unwrap().to_vec().unwrap();
        let again: Vec<f32> = lhs.matmul(&rhs).unwrap().to_vec().unwrap();
        assert_eq!(got, again, "{device} is deterministic");
        let ku = 513.0 * 2.0_f64.powi(-24);
        let bound = 2.0 * ku / (1.0 - ku);
        for ((got, reference), size) in got.iter().zip(&reference).zip(&size) {
            let off = (f64::from(*got) - f64::from(*reference)).abs();
            assert!(off <= bound * f64::from(*size), "{got} on {device}, {reference} on the CPU");
        }
    }
}

#[test]
fn addmm_and_baddbmm_scale_and_add() {
    for device in common::devices() {
        let a = counting(&[3, 4], DType::I32, device);
        let b = counting(&[4, 5], DType::I32, device);
        let bias = counting(&[5], DType::I32, device);
        let product = taut::mm(&a, &b).unwrap();
        let sum = taut::addmm(&bias, &a, &b).unwrap();
        assert_eq!(values(&sum), values(&product.add(&bias).unwrap()));
        let scaled = bias.addmm_scaled(&a, &b, 2.7, 3).unwrap();
        let by_hand = product.mul(3).unwrap().add(&bias.mul(2).unwrap()).unwrap();
        assert_eq!(values(&scaled), values(&by_hand), "an integer takes the whole part");
        let nan = taut::full([2, 2], f32::NAN, device).unwrap();
        let ones = taut::ones([2, 2], device).unwrap();
        let plain = nan.addmm_scaled(&ones, &ones, 0, 1).unwrap();
        assert_eq!(
            plain.to_vec::<f32>().unwrap(),
            [2.0; 4],
            "with a factor of 0, NaN counts for nothing"
        );
        let batch = a.unsqueeze(0).unwrap();
        let sum = taut::baddbmm(&bias, &batch, &b.unsqueeze(0).unwrap()).unwrap();
        assert_eq!(values(&sum), values(&product.add(&bias).unwrap()));
    }
}

#[test]
fn tensordot_contracts_named_dims() {
    let a = counting(&[2, 3, 4], DType::I64, Device::Cpu);
    let b = counting(&[4, 3, 5], DType::I64, Device::Cpu);
    let by_einsum = taut::einsum("abc,cbd->ad", &[&a, &b]).unwrap();
    assert_eq!(values(&a.tensordot_dims(&b, [1, 2], [1, 0]).unwrap()), values(&by_einsum));
    let outer = taut::tensordot(&a, &b, 0).unwrap();
    assert_eq!(outer.shape(), [2, 3, 4, 4, 3, 5]);
    assert_eq!(values(&outer), values(&taut::einsum("abc,def->abcdef", &[&a, &b]).unwrap()));
    let error = a.tensordot(&b, 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "contracted dimensions need to match, but first has size 3 in dim -2 and second has size 4 in dim 0"
    );
}

/// Every form of einsum against a sum over all letters, by hand.
#[test]
fn einsum_is_the_sum_over_all_letters() {
    let sizes = [("a", 2), ("b", 3), ("c", 4), ("d", 1), ("e", 2)];
    let size = |letter: char| sizes.iter().find(|(name, _)| name.starts_with(letter)).unwrap().1;
    let equations = [
        "ab->ba",
        "ab->",
        "ab->b",
        "aa->a",
        "aa->",
        "abab->ab",
        "abb,bc->ac",
        "ab,bc->ac",
        "ab,bc->ca",
        "ab,bc,cd->ad",
        "ab,ab->ab",
        "ab,ab->",
        "ab,cb->",
        "a,b->ab",
        "a,b,c->cba",
        "eab,ebc->eac",
        "eab,ebc->cae",
        "ab,c->abc",
        "abc,cba->b",
        "ab,bc,ca->",
        "ad,dc->ac",
        "abc,ac->b",
        "a,a,a->",
        "ab,ac,a->bc",
    ];
    for device in common::devices() {
        for equation in equations {
            let (left, right) = equation.split_once("->").unwrap();
            let inputs: Vec<&str> = left.split(',').collect();
            let operands: Vec<Tensor> = inputs
                .iter()
                .map(|letters| {
                    let shape: Vec<usize> = letters.chars().map(size).collect();
                    counting(&shape, DType::I64, device)
                })
                .collect();
            let elements: Vec<Vec<i64>> = operands.iter().map(values).collect();
            let mut letters: Vec<char> = left.chars().filter(|c| *c != ',').collect();
            letters.sort_unstable();
            letters.dedup();
            let place = |at: &[usize], names: &str| {
                let digit = |name: char| at[letters.iter().position(|l| *l == name).unwrap()];
                names.chars().fold(0, |index, name| index * size(name) + digit(name))
            };
            let mut sums = vec![0_i64; right.chars().map(size).product()];
            let all: usize = letters.iter().map(|&l| size(l)).product();
            for point in 0..all {
                let mut rest = point;
                let at: Vec<usize> = letters
                    .iter()
                    .map(|&l| {
                        let here = rest % size(l);
                        rest /= size(l);
                        here
                    })
                    .collect();
                let product: i64 =
                    inputs.iter().zip(&elements).map(|(names, x)| x[place(&at, names)]).product();
                sums[place(&at, right)] += product;
            }
            let operands: Vec<&Tensor> = operands.iter().collect();
            let result = taut::einsum(equation, &operands).unwrap();
            let shape: Vec<usize> = right.chars().map(size).collect();
            assert_eq!(
                (result.shape(), values(&result)),
                (&shape[..], sums),
                "{equation} on {device}"
            );
        }
    }
}

#[test]
fn einsum_of_implicit_outputs_and_ellipses_is_as_pytorch_has_it() {
    let a = counting(&[2, 3], DType::I64, Device::Cpu);
    let b = counting(&[5, 3, 4], DType::I64, Device::Cpu);
    let same = |equation: &str, operands: &[&Tensor], expected: Tensor| {
        let result = taut::einsum(equation, operands).unwrap();
        assert_eq!(
            (result.shape(), values(&result)),
            (expected.shape(), values(&expected)),
            "{equation}"
        );
    };
    same("ba", &[&a], a.t().unwrap());
    same(" i j , j k ", &[&a, &b.i(0).unwrap()], a.mm(&b.i(0).unwrap()).unwrap());
    same("...ij,...jk", &[&a, &b], a.matmul(&b).unwrap());
    same("ij,...jk->...ki", &[&a, &b], a.matmul(&b).unwrap().transpose(1, 2).unwrap());
    same("...->...", &[&a], a.alias());
    same("...i->...", &[&b], b.sum(-1).unwrap());
    same("...ij->ij", &[&b], b.sum(0).unwrap());
    same("i...->...i", &[&b], b.movedim(0, -1).unwrap());
    same(
        "i,->i",
        &[&a.i(0).unwrap(), &taut::tensor(2_i64, ()).unwrap()],
        a.i(0).unwrap().mul(2).unwrap(),
    );
    let half = taut::einsum("i,i", &[&taut::ones([3], DType::F16).unwrap(); 2]).unwrap();
    assert_eq!((half.dtype(), half.dim()), (DType::F16, 0));
}

#[test]
fn wrong_products_are_refused_in_pytorchs_words() {
    let z = |shape: &[usize]| taut::zeros(shape, ()).unwrap();
    let double = |shape: &[usize]| taut::zeros(shape, DType::F64).unwrap();
    let (shape, dtype, value) = (ErrorKind::Shape, ErrorKind::Dtype, ErrorKind::Value);
    let einsum = |equation: &str, operands: &[Tensor]| {
        taut::einsum(equation, &operands.iter().collect::<Vec<_>>())
    };
    let cases = [
        (
            z(&[3]).matmul(&z(&[4, 5])),
            shape,
            "mm: mat1 and mat2 shapes cannot be multiplied (1x3 and 4x5)",
        ),
        (
            z(&[2, 3, 4]).matmul(&z(&[5, 6])),
            shape,
            "mm: mat1 and mat2 shapes cannot be multiplied (6x4 and 5x6)",
        ),
        (z(&[2, 3, 4]).matmul(&z(&[5])), shape, "size mismatch, got input (6), mat (6x4), vec (5)"),
        (
            z(&[5]).matmul(&z(&[2, 3, 4])),
            shape,
            "Expected size for first two dimensions of batch2 tensor to be: [2, 5] but got: [2, 3].",
        ),
        (
            z(&[7, 2, 3, 4]).matmul(&z(&[2, 5, 6])),
            shape,
            "Expected size for first two dimensions of batch2 tensor to be: [14, 4] but got: [14, 5].",
        ),
        (
            z(&[2, 2, 2]).bmm(&double(&[2, 2, 2])),
            dtype,
            "expected scalar type Float but found Double",
        ),
        (z(&[2, 2, 2]).bmm(&z(&[2, 2])), shape, "batch2 must be a 3D tensor"),
        (z(&[2]).mv(&z(&[2])), shape, "vector + matrix @ vector expected, got 1, 1, 1"),
        (
            z(&[2, 3]).mv(&double(&[3])),
            dtype,
            "addmv input tensors must have the same dtype, but got Double, Float, and Double",
        ),
        (z(&[2, 2]).outer(&z(&[3])), shape, "outer: Expected 1-D argument self, but got 2-D"),
        (
            z(&[3]).addmm(&z(&[2, 3]), &z(&[4, 3])),
            shape,
            "addmm: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x3)",
        ),
        (
            double(&[3]).addmm(&z(&[2, 3]), &z(&[3, 3])),
            dtype,
            "self and mat2 must have the same dtype, but got Double and Float",
        ),
        (
            einsum("ij,jk->il", &[z(&[2, 3]), z(&[3, 4])]),
            value,
            "einsum(): output subscript l does not appear in the equation for any input operand",
        ),
        (
            einsum("ij,jk", &[z(&[2, 3]), z(&[4, 4])]),
            shape,
            "einsum(): subscript j has size 4 for operand 1 which does not broadcast with previously seen size 3",
        ),
        (
            einsum("ij", &[z(&[2, 3, 4])]),
            shape,
            "einsum(): the number of subscripts in the equation (2) does not match the number of dimensions (3) for operand 0 and no ellipsis was given",
        ),
        (
            einsum("ij,jk", &[z(&[2, 3])]),
            value,
            "einsum(): fewer operands were provided than specified in the equation",
        ),
        (
            einsum("i", &[z(&[2]), z(&[2])]),
            value,
            "einsum(): more operands were provided than specified in the equation",
        ),
        (
            einsum("i1,jk", &[z(&[2, 3]), z(&[2, 3])]),
            value,
            "einsum(): invalid subscript given at index 1 in the equation string, subscripts must be in [a-zA-Z]",
        ),
        (
            einsum("i->i->", &[z(&[2])]),
            value,
            "einsum(): invalid subscript given at index 4 in the equation string, subscripts must be in [a-zA-Z]",
        ),
        (
            einsum("ij->ii", &[z(&[2, 3])]),
            value,
            "einsum(): output subscript i appears more than once in the output",
        ),
        (
            einsum("ii", &[z(&[2, 3])]),
            shape,
            "einsum(): subscript i is repeated for operand 0 but the sizes don't match, 3 != 2",
        ),
        (
            einsum(".i", &[z(&[2])]),
            value,
            "einsum(): found '.' for operand 0 that is not part of any ellipsis",
        ),
        (
            einsum("ü", &[z(&[2])]),
            value,
            "einsum(): invalid subscript given at index 0 in the equation string, subscripts must be in [a-zA-Z]",
        ),
    ];
    for (result, kind, message) in cases {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
    }
}

#[test]
fn product_without_terms_is_zero() {
    for device in common::devices() {
        let product =
            taut::ones([2, 0], device).unwrap().mm(&taut::ones([0, 3], device).unwrap()).unwrap();
        assert_eq!(product.to_vec::<f32>().unwrap(), [0.0; 6]);
        let empty = taut::ones([0], device).unwrap();
        assert_eq!(empty.dot(&empty).unwrap().item::<f32>().unwrap(), 0.0);
    }
}
