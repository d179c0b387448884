//! Errors that come after the call: an integer division by a tensor that holds zero, an index out of range
//! in a write, and memory that runs out.
//!
//! A failed check belongs to its device and is reported at its next read point, so that the tests of
//! this file run one at a time.

#[path = "common/alone.rs"]
mod alone;
mod common;

use alone::alone;
use common::devices;
use taut::{DType, Device, Error, ErrorKind, Result, Rounding};

fn assert_reports(error: &Error, op: &str, line: u32) {
    assert_eq!(error.kind(), ErrorKind::Value);
    let message = error.to_string();
    assert!(message.contains("ZeroDivisionError"), "{message}");
    assert!(message.contains(op), "{message}");
    let place = format!("{}:{line}:", file!());
    assert!(message.contains(&place), "{place} is not in: {message}");
}

#[test]
fn division_in_place_writes_nothing_and_reports_once() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        for mode in [Rounding::Trunc, Rounding::Floor] {
            for dtype in [DType::I32, DType::U8, DType::I16] {
                let x = taut::tensor([6, 7, 8, 9], (dtype, device))?;
                let zero = taut::tensor([2, 3, 0, 1], (dtype, device))?;
                let other = taut::ones([2], device)?;
                let line = line!() + 1;
                x.div_mode_(&zero, mode)?;
                // Any read point of the device reports it.
                let error = other.to_vec::<f32>().unwrap_err();
                assert_reports(&error, "div", line);
                // Once, and nothing was written.
                assert_eq!(other.to_vec::<f32>()?, [1.0, 1.0], "{device}");
                assert_eq!(x.to(DType::I32)?.to_vec::<i32>()?, [6, 7, 8, 9], "{device}");
                x.div_mode_(&zero.add(1)?, mode)?;
                assert_eq!(x.to(DType::I32)?.to_vec::<i32>()?, [2, 1, 8, 4], "{device}");
            }
        }
    }
    Ok(())
}

#[test]
fn every_read_point_reports() -> Result<()> {
    let _alone = alone();
    type Read = fn(&taut::Tensor) -> Result<()>;
    let reads: [(&str, Read); 6] = [
        ("item", |x| x.select(0, 0)?.item::<i32>().map(drop)),
        ("to_vec", |x| x.to_vec::<i32>().map(drop)),
        ("tolist", |x| x.tolist().map(drop)),
        ("synchronize", |x| taut::synchronize(x.device())),
        ("to", |x| {
            let there = Device::all().last().map_or(Device::Cpu, |info| info.device);
            let there = if x.device() == Device::Cpu { there } else { Device::Cpu };
            if there == x.device() { taut::synchronize(there) } else { x.to(there).map(drop) }
        }),
        ("print", |x| match x.to_string() {
            text if text.contains("<error: ZeroDivisionError") => taut::synchronize(x.device()),
            text => panic!("printed {text}"),
        }),
    ];
    for device in devices() {
        let x = taut::tensor([1, 2], device)?;
        for (name, read) in reads {
            let line = line!() + 1;
            x.div_mode_(&taut::zeros([2], (DType::I32, device))?, Rounding::Floor)?;
            let result = read(&x);
            match result {
                Err(error) => assert_reports(&error, "div", line),
                // The printed form held the error.
                Ok(()) => assert_eq!(name, "print", "{device}"),
            }
            assert_eq!(x.to_vec::<i32>()?, [1, 2], "{device}: {name}");
        }
    }
    Ok(())
}

#[test]
fn host_guards_report() -> Result<()> {
    let _alone = alone();
    let x = taut::tensor([1, 2], ())?;
    let h = x.numpy::<i32>()?;
    let line = line!() + 1;
    x.div_mode_(&taut::zeros([2], DType::I32)?, Rounding::Trunc)?;
    let error = h.read().map(drop).unwrap_err();
    assert_reports(&error, "div", line);
    // The guard that failed is not left behind.
    h.write()?[[0]] = 5;
    assert_eq!(h.to_vec()?, [5, 2]);
    Ok(())
}

#[test]
fn result_out_of_place_is_there_after_the_report() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::tensor([6, 7], device)?;
        let zero = taut::tensor([0, 1], device)?;
        let line = line!() + 1;
        let y = x.div_mode(&zero, Rounding::Floor)?;
        let dependent = y.add(1)?;
        let error = dependent.to_vec::<i32>().unwrap_err();
        assert_reports(&error, "div", line);
        // What it holds is open, but reading it is not an error any more.
        assert_eq!(y.to_vec::<i32>()?.len(), 2);
        assert_eq!(dependent.to_vec::<i32>()?.len(), 2);
        assert_eq!(x.to_vec::<i32>()?, [6, 7], "{device}");
    }
    Ok(())
}

#[test]
fn operations_around_a_failure_are_done() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::tensor([6, 8], device)?;
        let zero = taut::tensor([0, 2], device)?;
        x.add_(1)?;
        x.div_mode_(&zero, Rounding::Trunc)?;
        x.mul_(2)?;
        zero.add_(5)?;
        assert!(x.to_vec::<i32>().is_err(), "{device}");
        // As if the division had not been asked for.
        assert_eq!(x.to_vec::<i32>()?, [14, 18], "{device}");
        assert_eq!(zero.to_vec::<i32>()?, [5, 7], "{device}");
    }
    Ok(())
}

#[test]
fn divisor_computed_on_the_way_is_checked() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::tensor([6, 8], device)?;
        let y = taut::tensor([1, 2], device)?;
        let line = line!() + 1;
        let z = x.div_mode(&y.sub(1)?, Rounding::Trunc)?;
        let error = z.to_vec::<i32>().unwrap_err();
        assert_reports(&error, "div", line);
        // And a divisor that is mended in time is none.
        y.sub_(1)?;
        y.index_put_(0, 3)?;
        assert_eq!(x.div_mode(&y, Rounding::Trunc)?.to_vec::<i32>()?, [2, 8], "{device}");
    }
    Ok(())
}

#[test]
fn first_of_two_failures_is_reported() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::tensor([6, 7], device)?;
        let z = taut::tensor([0, 1], device)?;
        let line = line!() + 1;
        let first = x.div_mode(&z, Rounding::Floor)?;
        let second = x.div_mode(&z, Rounding::Trunc)?;
        let error = taut::synchronize(device).unwrap_err();
        assert_reports(&error, "div", line);
        taut::synchronize(device)?;
        assert_eq!(first.add(&second)?.to_vec::<i32>()?.len(), 2, "{device}");
        // A later failure is reported anew, even after flushes without a read point.
        let line = line!() + 1;
        x.div_mode_(&z, Rounding::Floor)?;
        x.eval()?;
        x.add_(0)?;
        x.eval()?;
        let error = x.to_vec::<i32>().unwrap_err();
        assert_reports(&error, "div", line);
    }
    Ok(())
}

#[test]
fn dropped_result_still_reports() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::tensor([1], device)?;
        let line = line!() + 1;
        drop(x.div_mode(&x.sub(1)?, Rounding::Floor)?);
        let error = taut::synchronize(device).unwrap_err();
        assert_reports(&error, "div", line);
    }
    Ok(())
}

#[test]
fn failure_on_one_device_leaves_the_others() -> Result<()> {
    let _alone = alone();
    let devices = devices();
    for &device in &devices {
        let x = taut::tensor([1], device)?;
        x.div_mode_(&x.clone().sub(1)?, Rounding::Floor)?;
        for &other in devices.iter().filter(|&&other| other != device) {
            taut::synchronize(other)?;
        }
        assert!(taut::synchronize(device).is_err(), "{device}");
        taut::synchronize(device)?;
    }
    Ok(())
}

#[test]
fn zero_that_is_a_number_is_refused_at_the_call() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::tensor([1, 2], device)?;
        for error in [
            x.div_mode(0, Rounding::Floor).map(drop).unwrap_err(),
            x.div_mode_(0, Rounding::Trunc).map(drop).unwrap_err(),
            x.div_mode(false, Rounding::Trunc).map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Value);
            assert!(error.to_string().contains("ZeroDivisionError"), "{error}");
        }
        taut::synchronize(device)?;
        // Floats divide by zero.
        let y = x.div_mode(0.0, Rounding::Floor)?.to_vec::<f32>()?;
        assert_eq!(y, [f32::INFINITY; 2], "{device}");
        assert_eq!(x.div(0)?.to_vec::<f32>()?, [f32::INFINITY; 2], "{device}");
    }
    Ok(())
}

#[test]
fn empty_divisor_reports_nothing() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::zeros([0], (DType::I32, device))?;
        x.div_mode_(&x.alias(), Rounding::Floor)?;
        let y = taut::zeros([2, 0], (DType::I32, device))?;
        let zero = taut::zeros((), (DType::I32, device))?;
        assert_eq!(y.div_mode(&zero, Rounding::Floor)?.shape(), [2, 0]);
        taut::synchronize(device)?;
    }
    Ok(())
}

#[test]
fn zero_far_inside_a_large_tensor_is_found() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let n = 300_000;
        let x = taut::full([n], 12, (DType::I32, device))?;
        let y = taut::full([n], 4, (DType::I32, device))?;
        y.index_put_(n - 1, 0)?;
        x.div_mode_(&y, Rounding::Floor)?;
        assert!(taut::synchronize(device).is_err(), "{device}");
        assert!(x.to_vec::<i32>()?.iter().all(|&v| v == 12), "{device}");
        y.index_put_(n - 1, 3)?;
        x.div_mode_(&y, Rounding::Floor)?;
        let values = x.to_vec::<i32>()?;
        assert_eq!((values[0], values[n - 1]), (3, 4), "{device}");
    }
    Ok(())
}

#[test]
fn memory_that_runs_out_is_reported_and_the_tape_goes_on() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        // More than any machine has.
        let huge = taut::empty([1_i64 << 50], device)?;
        huge.fill_(1)?;
        let error = huge.select(0, 0)?.item::<f32>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Memory, "{device}: {error}");
        // Its elements will never come; what depends on them says why, others go on.
        assert_eq!(huge.select(0, 1)?.item::<f32>().unwrap_err().kind(), ErrorKind::Memory);
        let dependent = huge.narrow(0, 0, 2)?.add(1)?;
        assert_eq!(dependent.to_vec::<f32>().unwrap_err().kind(), ErrorKind::Memory);
        assert_eq!(taut::ones([2], device)?.to_vec::<f32>()?, [1.0, 1.0], "{device}");
    }
    Ok(())
}

#[test]
fn index_add_of_rows_with_wrong_index_writes_nothing() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        // Rows that are written one element after the other, and as vectors.
        for (size, count, len) in [(5, 40, 7), (40, 30, 129), (3, 100, 2050)] {
            let x = taut::full([size, 1, len], 0.5, device)?;
            let rows = taut::ones([count, 1, len], device)?;
            x.index_add_(0, &taut::full([count], size, (DType::I64, device))?, &rows)?;
            assert_eq!(x.to_vec::<f32>().unwrap_err().kind(), ErrorKind::Index, "{device}");
            assert!(x.to_vec::<f32>()?.iter().all(|&v| v == 0.5), "{device}");
            x.index_add_(0, &taut::zeros([count], (DType::I64, device))?, &rows)?;
            let added = x.to_vec::<f32>()?;
            let expected = |i| if i < len as usize { count as f32 + 0.5 } else { 0.5 };
            assert!(added.iter().enumerate().all(|(i, &v)| v == expected(i)), "{device}");
        }
    }
    Ok(())
}

#[test]
fn scatter_with_index_out_of_range_writes_nothing_and_names_line() {
    let _alone = alone();
    for device in devices() {
        for wrong in [3_i64, -1, i64::MAX, i64::MIN, 1 << 32] {
            let x = taut::ones([3], device).unwrap();
            let index = taut::tensor([0, wrong, 2], device).unwrap();
            let line = line!() + 1;
            let error = x.scatter_(0, &index, 5).and_then(|x| x.to_vec::<f32>()).unwrap_err();
            assert!(error.to_string().contains("index out of bounds"), "{error}");
            assert!(error.to_string().contains(&format!("deferred.rs:{line}")), "{error}");
            assert_eq!(x.to_vec::<f32>().unwrap(), [1.0; 3], "{device} {wrong}");
        }
    }
}

#[test]
fn folds_and_index_put_out_of_range_write_nothing_and_say_so_once() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::zeros([3, 2], (DType::U8, device))?;
        for wrong in [3_i64, -4] {
            x.index_put_(taut::tensor([0, wrong], device)?, 1)?;
            let error = x.to_vec::<u8>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Index, "{device}: {error}");
            assert_eq!(x.to_vec::<u8>()?, [0; 6], "{device}");
        }
        let y = taut::ones([3], device)?;
        y.scatter_add_(0, &taut::tensor([0_i64, 3], device)?, &taut::ones([2], device)?)?;
        y.scatter_add_(0, &taut::tensor([1_i64, 1], device)?, &taut::ones([2], device)?)?;
        assert_eq!(y.to_vec::<f32>().unwrap_err().kind(), ErrorKind::Index, "{device}");
        assert_eq!(y.to_vec::<f32>()?, [1.0, 3.0, 1.0], "{device}: what follows runs");
    }
    Ok(())
}

#[cfg(feature = "safetensors")]
#[test]
fn a_failed_save_leaves_what_was_there() -> Result<()> {
    use taut::io::safetensors;
    let _alone = alone();
    let folder = std::env::temp_dir().join(format!("taut-failed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("x.safetensors");
    safetensors::save(&path, [("x", taut::ones([2], ())?)])?;
    let zero = taut::zeros([2], DType::I32)?;
    let bad = taut::ones([2], DType::I32)?.div_mode(&zero, Rounding::Trunc)?;
    let error = safetensors::save(&path, [("y", &bad)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(safetensors::load(&path, ())?["x"].to_vec::<f32>()?, [1.0, 1.0]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    std::fs::remove_dir_all(&folder).unwrap();
    Ok(())
}
