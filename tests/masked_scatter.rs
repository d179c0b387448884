//! masked_scatter against a loop over the mask, on every device.
//!
//! What is refused is reported at the next read point of the device, so that the tests run one at a time.

#[path = "common/alone.rs"]
mod alone;
mod common;
#[path = "common/numbers.rs"]
mod numbers;

use alone::alone;
use common::devices;
use numbers::numbers;
use taut::{DType, Device, ErrorKind, Tensor, tensor};

fn mask_of(device: Device, bits: &[u8]) -> Tensor {
    let bits: Vec<bool> = bits.iter().map(|&bit| bit == 1).collect();
    tensor(bits, device).expect("a mask")
}

#[test]
fn masked_scatter_of_broadcast_mask_takes_source_in_order() {
    let _alone = alone();
    for device in devices() {
        let x = taut::zeros([2, 3], device).unwrap();
        let mask = mask_of(device, &[1, 0, 1]);
        let source = tensor([[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]], device).unwrap();
        let y = x.masked_scatter(&mask, &source).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 0.0, 2.0, 3.0, 0.0, 4.0], "{device}");
        let turned = source.t().unwrap();
        let y = x.masked_scatter(&mask, &turned).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 0.0, 3.0, 5.0, 0.0, 2.0], "{device}");
        // The tensor broadcasts to the mask.
        let x = tensor([1.0_f32, 2.0, 3.0], device).unwrap();
        let mask = taut::ones([2, 3], (DType::Bool, device)).unwrap();
        let y = x.masked_scatter(&mask, &source).unwrap();
        assert_eq!(y.shape(), [2, 3]);
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{device}");
        // A strided vector.
        let mask = mask_of(device, &[0, 1, 1]);
        let column = source.select(1, 1).unwrap();
        let y = x.masked_scatter(&mask, &column).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 2.0, 4.0], "{device}");
    }
}

#[test]
fn masked_scatter_into_transposed_view_is_row_major() {
    let _alone = alone();
    for device in devices() {
        let base = taut::zeros([3, 2], device).unwrap();
        let mask = mask_of(device, &[1, 0, 1, 1, 1, 0]).view([2, 3]).unwrap();
        let source = taut::arange(8, device).unwrap().to(DType::F32).unwrap();
        let source = source.add(1).unwrap().view([2, 4]).unwrap().t().unwrap();
        base.t().unwrap().masked_scatter_(&mask, &source).unwrap();
        assert_eq!(base.to_vec::<f32>().unwrap(), [1.0, 2.0, 0.0, 6.0, 5.0, 0.0], "{device}");
    }
}

#[test]
fn masked_scatter_of_short_source_writes_nothing_and_is_reported_once() {
    let _alone = alone();
    for device in devices() {
        for source in [vec![1.0_f32, 2.0, 3.0], vec![]] {
            let x = taut::full([2, 3], 7.0, device).unwrap();
            let mask = mask_of(device, &[1, 0, 1]);
            let len = source.len();
            x.masked_scatter_(&mask, &tensor(source, device).unwrap()).unwrap();
            let error = x.to_vec::<f32>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Value, "{device}");
            let expected = format!(
                "Number of elements of source < number of ones in mask, source has {len} elements"
            );
            assert!(error.to_string().starts_with(&expected), "{device} {error}");
            assert!(error.to_string().contains("tests/masked_scatter.rs"), "{device} {error}");
            assert_eq!(x.to_vec::<f32>().unwrap(), [7.0; 6], "{device}");
        }
        // As many as the mask has ones are enough, and none where it has none.
        let x = taut::full([3], 7.0, device).unwrap();
        let none = tensor(Vec::<f32>::new(), device).unwrap();
        x.masked_scatter_(&mask_of(device, &[0, 0, 0]), &none).unwrap();
        assert_eq!(x.to_vec::<f32>().unwrap(), [7.0; 3], "{device}");
        let one = taut::ones((), device).unwrap();
        x.masked_scatter_(&mask_of(device, &[0, 0, 1]), &one).unwrap();
        assert_eq!(x.to_vec::<f32>().unwrap(), [7.0, 7.0, 1.0], "{device}");
    }
}

#[test]
fn masked_scatter_of_shared_memory_reads_before_it_writes() {
    let _alone = alone();
    for device in devices() {
        let x = taut::arange(6, device).unwrap();
        x.masked_scatter_(&x.gt(2).unwrap(), &x).unwrap();
        assert_eq!(x.to_vec::<i64>().unwrap(), [0, 1, 2, 0, 1, 2], "{device}");
        let x = taut::arange(6, device).unwrap();
        let all = taut::ones([4], (DType::Bool, device)).unwrap();
        x.narrow(0, 1, 4).unwrap().masked_scatter_(&all, &x.narrow(0, 0, 4).unwrap()).unwrap();
        assert_eq!(x.to_vec::<i64>().unwrap(), [0, 0, 1, 2, 3, 5], "{device}");
        let bools = mask_of(device, &[1, 0, 1, 1]);
        let (head, tail) = (bools.narrow(0, 0, 3).unwrap(), bools.narrow(0, 1, 3).unwrap());
        tail.masked_scatter_(&head, &mask_of(device, &[0, 0])).unwrap();
        assert_eq!(bools.to_vec::<bool>().unwrap(), [true, false, true, false], "{device}");
    }
}

#[test]
fn masked_scatter_of_scalars_and_of_nothing_keeps_shape() {
    let _alone = alone();
    for device in devices() {
        let one = taut::ones((), device).unwrap();
        let seven = taut::full([1], 7, (DType::F32, device)).unwrap();
        let yes = taut::ones((), (DType::Bool, device)).unwrap();
        let y = one.masked_scatter(&yes, &seven).unwrap();
        assert_eq!((y.shape(), y.item::<f32>().unwrap()), (&[][..], 7.0), "{device}");
        let none = taut::zeros([0, 3], device).unwrap();
        let y = none.masked_scatter(&mask_of(device, &[1, 1, 0]), &seven).unwrap();
        assert_eq!(y.shape(), [0, 3], "{device}");
        none.masked_scatter_(&mask_of(device, &[1, 1, 0]), &seven).unwrap();
    }
}

#[test]
fn masked_scatter_of_bad_input_is_refused() {
    let _alone = alone();
    let x = taut::zeros([2, 3], Device::Cpu).unwrap();
    let mask = mask_of(Device::Cpu, &[1, 0, 1]);
    let source = taut::ones([4], Device::Cpu).unwrap();
    let refused = |mask: &Tensor, source: &Tensor| {
        let error = x.masked_scatter_(mask, source).unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, message) = refused(&mask, &source.to(DType::I64).unwrap());
    assert_eq!(kind, ErrorKind::Dtype);
    assert_eq!(
        message,
        "masked_scatter: expected self and source to have same dtypes but got Float and Long"
    );
    let (kind, message) = refused(&mask.to(DType::U8).unwrap(), &source);
    assert_eq!(kind, ErrorKind::Dtype);
    assert_eq!(
        message,
        "masked_scatter_ only supports boolean masks, but got mask with dtype Byte"
    );
    let (kind, message) = refused(&mask_of(Device::Cpu, &[1, 0]), &source);
    assert_eq!(kind, ErrorKind::Shape);
    assert!(message.contains("The expanded size of the tensor (3) must match"), "{message}");
    let short = mask_of(Device::Cpu, &[1, 0]);
    let error = x.masked_scatter(&short, &source).unwrap_err();
    assert_eq!(
        error.to_string(),
        "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1"
    );
    let repeated = taut::zeros([1, 3], Device::Cpu).unwrap().expand([2, 3]).unwrap();
    let error = repeated.masked_scatter_(&mask, &source).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overlap);
    // What may be written may be read: out of place it is no matter.
    let y = repeated.masked_scatter(&mask, &source).unwrap();
    assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
    assert_eq!(x.to_vec::<f32>().unwrap(), [0.0; 6]);
    for device in devices().into_iter().filter(|&device| device != Device::Cpu) {
        let error = x.masked_scatter(&mask, &source.to(device).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Device, "{device}");
        assert_eq!(
            x.to(device).unwrap().masked_scatter(&mask, &source).unwrap_err().kind(),
            ErrorKind::Device
        );
    }
}

#[test]
fn masked_scatter_of_every_dtype_moves_its_bits() {
    let _alone = alone();
    for device in devices() {
        for dtype in DType::ALL.into_iter().filter(|&dtype| device.supports(dtype)) {
            for len in [1, 65, 70_001] {
                let bits: Vec<u8> = numbers(1, len).iter().map(|n| u8::from(n % 3 == 0)).collect();
                let values: Vec<i64> = (0..len as i64).map(|i| i % 120).collect();
                let source = tensor(values, device).unwrap().to(dtype).unwrap();
                let x = taut::ones([len], (dtype, device)).unwrap();
                x.masked_scatter_(&mask_of(device, &bits), &source).unwrap();
                let host =
                    |x: &Tensor| x.cpu().unwrap().to(DType::F64).unwrap().to_vec::<f64>().unwrap();
                let mut sources = host(&source).into_iter();
                let next = |&bit: &u8| if bit == 1 { sources.next().unwrap() } else { 1.0 };
                let model: Vec<f64> = bits.iter().map(next).collect();
                assert_eq!(host(&x), model, "{device} {dtype} {len}");
            }
        }
    }
}
