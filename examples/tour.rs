//! The tour of PyTorch's basics, statement by statement, with what each prints.
//!
//! Runs on the best device of the machine; `TAUT_DEVICE=gpu:0` or `TAUT_DEVICE=cpu` chooses another.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use anyhow::{Context, ensure};
use taut::{DType, Device, DeviceKind, HostArray, Result, Tensor, ndarray};

/// Prints an expression and then its value.
macro_rules! show {
    ($value:expr) => {{
        println!("> {}", stringify!($value));
        println!("{}\n", $value);
    }};
}

/// Prints statements, as they are, and runs them.
macro_rules! run {
    () => {};
    (let $name:ident = $value:expr; $($rest:tt)*) => {
        println!("> let {} = {};", stringify!($name), stringify!($value));
        let $name = $value;
        run! { $($rest)* }
    };
    ($statement:expr; $($rest:tt)*) => {
        println!("> {};", stringify!($statement));
        $statement;
        run! { $($rest)* }
    };
}

/// Prints an expression that is an error, and the error.
macro_rules! refused {
    ($result:expr) => {{
        println!("> {}", stringify!($result));
        let error = $result.err().context("this must be an error, but it is none")?;
        println!("error ({:?}): {error}\n", error.kind());
    }};
}

fn main() -> anyhow::Result<()> {
    let dev = Device::best();
    announce(dev)?;
    taut::manual_seed(0);
    creating(dev)?;
    arithmetic(dev)?;
    in_place(dev)?;
    indexing(dev)?;
    to_the_host(dev)?;
    reshaping(dev)?;
    sharing()?;
    copying()?;
    refusals(dev)?;
    println!("The tour is over: every statement ran on {dev}.");
    Ok(())
}

/// Says which device runs the tour and, if it is the CPU, why.
fn announce(dev: Device) -> Result<()> {
    let info = dev.info()?;
    println!("Running on {dev}: {} ({})", info.name, info.api);
    if dev != Device::Cpu {
        return Ok(());
    }
    let all = Device::all();
    if std::env::var_os("TAUT_DEVICE").is_some() {
        println!("TAUT_DEVICE chose the CPU, or names no device of this machine.");
    } else if let Some(gpu) = all.iter().find(|info| info.kind == DeviceKind::Software) {
        println!("No hardware GPU was found: falling back to the CPU.");
        println!("{} is a GPU in software; TAUT_DEVICE={} uses it.", gpu.name, gpu.device);
    } else {
        println!("No GPU was found: falling back to the CPU.");
    }
    Ok(())
}

fn heading(title: &str) {
    println!("\n== {title} ==\n");
}

fn creating(dev: Device) -> anyhow::Result<()> {
    heading("Creating tensors");
    run! { let x = taut::rand([3], dev)?; }
    show!(x);
    run! {
        let x1 = taut::empty([3], dev)?;
        let x2 = taut::empty([2, 3], dev)?;
        let x3 = taut::empty([2, 3, 4], dev)?;
    }
    show!(format!("{} {} {}", x1.size(), x2.size(), x3.size()));

    heading("Other initial values, and dtypes");
    run! { let rand = taut::rand([2, 3, 4], dev)?; }
    show!(rand);
    run! { let zeros = taut::zeros([2, 3, 4], dev)?; }
    show!(zeros);
    run! { let ones = taut::ones([2, 3, 4], (DType::I32, dev))?; }
    show!(ones);
    show!(ones.dtype());
    if dev.supports(DType::F64) {
        run! { let ones = taut::ones([2, 3, 4], (DType::F64, dev))?; }
        show!(ones.dtype());
    } else {
        refused!(taut::ones([2, 3, 4], (DType::F64, dev)));
    }
    run! { let ones = taut::ones([2, 3, 4], (DType::F32, dev))?; }
    show!(ones.dtype());
    show!(ones.size());
    Ok(())
}

fn arithmetic(dev: Device) -> anyhow::Result<()> {
    heading("Arithmetic, element by element");
    run! {
        let x = taut::rand([2, 2], dev)?;
        let y = taut::rand([2, 2], dev)?;
    }
    show!(&x + &y);
    show!(taut::add(&x, &y)?);
    ensure!((&x + &y).to_vec::<f32>()? == taut::add(&x, &y)?.to_vec::<f32>()?, "one operation");
    run! { y.add_(&x)?; }
    show!(y);
    show!(&x - &y);
    show!(taut::sub(&x, &y)?);
    show!(&x * &y);
    show!(taut::mul(&x, &y)?);
    show!(&x / &y);
    show!(taut::div(&x, &y)?);
    show!(1.0 - &x * 2);
    Ok(())
}

fn in_place(dev: Device) -> anyhow::Result<()> {
    heading("In place: every alias sees it");
    run! {
        let a = taut::rand([2, 3], dev)?;
        let a1 = a.alias();
        let b = taut::rand([2, 3], dev)?;
    }
    show!(a);
    run! { a.sub_(&b)?; }
    show!(a);
    println!("// Another handle to the same memory, so nothing is reset:");
    run! { let a = a1.alias(); }
    show!(a);
    run! { a.mul_(&b)?; }
    show!(a);
    run! { a.div_(&b)?; }
    show!(a1);
    show!(taut::div(&a, &b)?);
    ensure!(a.to_vec::<f32>()? == a1.to_vec::<f32>()?, "an alias must see every step");
    Ok(())
}

fn indexing(dev: Device) -> anyhow::Result<()> {
    heading("Indexing");
    run! { let x = taut::rand([3, 4], dev)?; }
    show!(x);
    show!(x.i((.., ..))?);
    show!(x.i((0, ..))?);
    show!(x.i((1, ..))?);
    show!(x.i((0, 0))?);
    show!(x.i((0, 1))?);
    show!(x.i((1, 2))?);
    show!(x.i((1, 2))?.item::<f32>()?);
    println!("// An index gives a view: what is written to it is written to x.");
    run! {
        x.index_put_((.., 1), 0.5)?;
        x.i((0, ..))?.fill_(x.i((1, 2))?.item::<f32>()?)?;
    }
    show!(x);
    Ok(())
}

fn to_the_host(dev: Device) -> anyhow::Result<()> {
    heading("To a host array, and the shape");
    run! { let x = taut::rand([3, 4], dev)?; }
    if dev == Device::Cpu {
        show!(x.numpy::<f32>()?);
    } else {
        refused!(x.numpy::<f32>());
    }
    show!(x.cpu()?.numpy::<f32>()?);
    show!(format!("{:?}", x.shape()));
    show!(x.size());
    Ok(())
}

fn reshaping(dev: Device) -> anyhow::Result<()> {
    heading("view: the same elements in another shape");
    run! { let x = taut::rand([4, 4], dev)?; }
    show!(x);
    run! { let y = x.view([16])?; }
    show!(y);
    run! { let y1 = x.view([-1, 8])?; }
    show!(y1);
    show!(y1.size());
    show!(x.view([4, -1])?.size());
    show!(x.view([-1, 2, 2])?.size());
    ensure!(y.shares_memory(&x) && y1.shares_memory(&x), "a view must share memory");
    Ok(())
}

fn sharing() -> anyhow::Result<()> {
    heading("Tensor to host array: shared memory");
    run! {
        let a = taut::ones([5], Device::Cpu)?;
        let b = a.numpy::<f32>()?;
    }
    show!(b);
    show!(std::any::type_name_of_val(&b));
    run! { a.index_put_(0, 2)?; }
    show!(b);
    run! { a.add_(1)?; }
    show!(a);
    show!(b);
    println!("// Out of place makes a new tensor: b does not change.");
    show!(a.add(1)?);
    show!(b);

    heading("Host array to tensor: shared memory");
    run! {
        let x = HostArray::from(ndarray::Array1::<f64>::ones(5));
        let y = taut::from_numpy(&x)?;
    }
    show!(y);
    show!(std::any::type_name_of_val(&y));
    run! { *x.write()? += 1.0; }
    show!(x);
    show!(y);
    ensure!(y.to_vec::<f64>()? == [2.0; 5], "from_numpy must share memory");
    Ok(())
}

fn copying() -> anyhow::Result<()> {
    heading("Copies: taut::tensor and clone");
    run! {
        let x = HostArray::from(ndarray::Array1::<f64>::ones(5));
        let y = taut::tensor(&x, Device::Cpu)?;
        *x.write()? += 1.0;
    }
    show!(x);
    show!(y);
    ensure!(y.to_vec::<f64>()? == [1.0; 5], "tensor must copy");
    run! {
        let a = taut::ones([5], Device::Cpu)?;
        let b = a.clone().numpy::<f32>()?;
        a.index_put_(0, 9)?;
    }
    show!(a);
    show!(b);
    ensure!(b.to_vec()? == [1.0; 5], "a clone must be independent");
    Ok(())
}

fn refusals(dev: Device) -> anyhow::Result<()> {
    heading("What is refused");
    run! {
        let x = taut::zeros([2, 3], dev)?;
        let counts = taut::zeros([2, 3], (DType::I32, dev))?;
    }
    refused!(x.item::<f32>());
    refused!(x.view([-1, -1]));
    refused!(x.i((0, 3)));
    refused!(x.add(&taut::zeros([4], dev)?));
    refused!(taut::zeros([1, 3], dev)?.expand([2, 3])?.add_(1));
    refused!(counts.add_(0.5));
    let untouched = |tensor: &Tensor| tensor.to_vec::<f64>().map(|v| v.iter().all(|&v| v == 0.0));
    ensure!(untouched(&x)? && untouched(&counts)?, "what is refused must write nothing");
    Ok(())
}
