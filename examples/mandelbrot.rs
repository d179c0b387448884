//! The Mandelbrot set, as a PNG: the same picture, to the bit, from every device.
//!
//! Ten steps of the iteration are one kernel, which reads and writes `z` and the counts once.
//!
//! ```text
//! cargo run --release --example mandelbrot [-- WIDTH]
//! ```
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod everywhere;

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use taut::{DType, Device, Tensor};

const STEPS: usize = 200;

const STEPS_PER_KERNEL: usize = 10;

const PATH: &str = "mandelbrot.png";

fn main() -> Result<()> {
    let width = everywhere::argument(1, 768, 3)?;
    let height = width * 2 / 3;
    let pixels = everywhere::run::<u8>(|device| picture(width, height, device))?;
    save(width, height, &pixels).with_context(|| format!("writing {PATH}"))?;
    println!("{PATH}: {width} x {height} pixels, {STEPS} steps each.");
    Ok(())
}

/// Red, green and blue of each pixel, of shape `(height, width, 3)`.
fn picture(width: usize, height: usize, device: Device) -> Result<Tensor> {
    let c_re = taut::linspace(-2.2, 0.8, width.try_into()?, device)?;
    let c_im = taut::linspace(1.0, -1.0, height.try_into()?, device)?.unsqueeze(1)?;
    let mut re = taut::zeros([height, width], device)?;
    let mut im = re.alias();
    let mut count = taut::zeros([height, width], (DType::I32, device))?;
    for step in 1..=STEPS {
        let (re_squared, im_squared) = (&re * &re, &im * &im);
        count = &count + (&re_squared + &im_squared).le(4)?;
        im = 2 * &re * &im + &c_im;
        re = &re_squared - &im_squared + &c_re;
        if step % STEPS_PER_KERNEL == 0 {
            count.eval()?;
        }
    }
    colours(&count)
}

/// Black inside the set; outside from dark blue over green and red, the longer a point stays.
fn colours(count: &Tensor) -> Result<Tensor> {
    let t = (count.to(DType::F32)? / STEPS as f32).sqrt()?;
    let rest = 1 - &t;
    let red = 9 * &rest * &t * &t * &t;
    let green = 15 * &rest * &rest * &t * &t;
    let blue = 8.5 * &rest * &rest * &rest * &t;
    let rgb = taut::stack(&[&red, &green, &blue], -1)? * 255;
    Ok(rgb.to(DType::U8)?)
}

fn save(width: usize, height: usize, pixels: &[u8]) -> Result<()> {
    let mut file = BufWriter::new(File::create(PATH)?);
    let mut encoder = png::Encoder::new(&mut file, width.try_into()?, height.try_into()?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file.flush()?)
}
