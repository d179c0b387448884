//! The rows: each is an operation, named by what it is in Python.

use taut::{DType, Result, Tensor, dims, slice};

/// What the rows are computed of; `peer.py` makes the same.
pub(crate) struct Inputs {
    /// float32 in [0.5, 1), of n elements.
    a: Tensor,
    b: Tensor,
    /// Written in place.
    c: Tensor,
    /// float32 about zero, of n elements, and as rows and columns, about as many of either.
    x: Tensor,
    m: Tensor,
    w: Tensor,
    /// One row, one column, one index for each row.
    row: Tensor,
    col: Tensor,
    ri: Tensor,
    /// Of other dtypes.
    d: Tensor,
    h: Tensor,
    g: Tensor,
    u: Tensor,
    i: Tensor,
    j: Tensor,
    l: Tensor,
    /// Masks, of which half is true, of n elements and as rows.
    k: Tensor,
    km: Tensor,
    /// Indices of elements in any order; of columns, for each element of the rows.
    p: Tensor,
    q: Tensor,
}

impl Inputs {
    pub(crate) fn new(n: usize) -> Result<Self> {
        let columns = 1 << n.ilog2().div_ceil(2);
        let rows = n / columns;
        taut::manual_seed(1);
        let random = |shape: &[usize]| taut::rand(shape, ());
        let ints = |below: usize, shape: &[usize], dtype| {
            taut::rand(shape, DType::F64)?.mul(below as i64)?.to(DType::I64)?.to(dtype)
        };
        let inputs = Self {
            a: random(&[n])?.mul(0.5)?.add(0.5)?,
            b: random(&[n])?.mul(0.5)?.add(0.5)?,
            c: taut::zeros([n], ())?,
            x: taut::randn([n], ())?,
            m: taut::randn([rows, columns], ())?,
            w: taut::randn([rows, columns], ())?,
            row: taut::randn([columns], ())?,
            col: taut::randn([rows, 1], ())?,
            ri: ints(rows, &[rows], DType::I64)?,
            d: taut::rand([n], DType::F64)?,
            h: random(&[n])?.to(DType::F16)?,
            g: random(&[n])?.to(DType::BF16)?,
            u: ints(100, &[n], DType::U8)?.clamp(1, 200)?,
            i: ints(1000, &[n], DType::I32)?.add(1)?,
            j: ints(100, &[n], DType::I32)?.add(1)?,
            l: ints(1000, &[n], DType::I64)?.add(1)?,
            k: random(&[n])?.lt(0.5)?,
            km: random(&[rows, columns])?.lt(0.5)?,
            p: ints(n, &[n], DType::I64)?,
            q: ints(columns, &[rows, columns], DType::I64)?,
        };
        Ok(inputs)
    }
}

/// The name of a row, and what evaluates it.
type Row = (&'static str, fn(&Inputs) -> Result<()>);

/// Rows whose body makes a tensor, which is evaluated, or nothing.
macro_rules! rows {
    ($($name:literal: |$v:ident| $body:expr;)*) => {
        &[$(($name, |$v| {
            $body.done()?;
            Ok(())
        })),*]
    };
}

/// What a row makes.
trait Done {
    fn done(self) -> Result<()>;
}

impl Done for Result<Tensor> {
    fn done(self) -> Result<()> {
        self?.eval().map(|_| ())
    }
}

impl Done for Tensor {
    fn done(self) -> Result<()> {
        self.eval().map(|_| ())
    }
}

impl Done for Result<&Tensor> {
    fn done(self) -> Result<()> {
        self?.eval().map(|_| ())
    }
}

impl Done for Result<(Tensor, Tensor)> {
    fn done(self) -> Result<()> {
        let (first, second) = self?;
        first.eval()?;
        second.eval().map(|_| ())
    }
}

impl Done for Result<taut::Unique> {
    fn done(self) -> Result<()> {
        let unique = self?;
        unique.values.eval()?;
        unique.inverse.eval()?;
        unique.counts.eval().map(|_| ())
    }
}

impl<T> Done for Result<Vec<T>> {
    fn done(self) -> Result<()> {
        self.map(|_| ())
    }
}

pub(crate) const ROWS: &[Row] = rows! {
    "a + b": |v| v.a.add(&v.b);
    "a - b": |v| v.a.sub(&v.b);
    "a * b": |v| v.a.mul(&v.b);
    "a / b": |v| v.a.div(&v.b);
    "a + 2": |v| v.a.add(2);
    "1 / a": |v| taut::div(1, &v.a);
    "a // b": |v| v.a.floor_divide(&v.b);
    "a % b": |v| v.a.remainder(&v.b);
    "torch.fmod(a, b)": |v| v.a.fmod(&v.b);
    "a ** b": |v| v.a.pow(&v.b);
    "a ** 2": |v| v.a.pow(2);
    "a ** 3": |v| v.a.pow(3);
    "a ** 0.5": |v| v.a.pow(0.5);
    "torch.maximum(a, b)": |v| v.a.maximum(&v.b);
    "torch.atan2(a, b)": |v| v.a.atan2(&v.b);
    "torch.hypot(a, b)": |v| v.a.hypot(&v.b);
    "a < b": |v| v.a.lt(&v.b);
    "a == b": |v| v.a.eq(&v.b);
    "c.add_(a)": |v| v.c.add_(&v.a);
    "c.mul_(0.5)": |v| v.c.mul_(0.5);
    "c.copy_(a)": |v| v.c.copy_(&v.a);
    "c.zero_()": |v| v.c.zero_();
    "a * b + a": |v| v.a.mul(&v.b)?.add(&v.a);
    "a * 2 + 1": |v| v.a.mul(2)?.add(1);
    "torch.addcmul(a, a, b)": |v| v.a.addcmul(&v.a, &v.b, 1);
    "torch.lerp(a, b, 0.3)": |v| v.a.lerp(&v.b, 0.3);
    "torch.where(k, a, b)": |v| v.k.where_cond(&v.a, &v.b);
    "x.clamp(-1, 1)": |v| v.x.clamp(-1, 1);
    "x.masked_fill(k, 0)": |v| v.x.masked_fill(&v.k, 0);
    "x.abs()": |v| v.x.abs();
    "x.neg()": |v| v.x.neg();
    "x.sign()": |v| v.x.sign();
    "x.square()": |v| v.x.square();
    "x.relu()": |v| v.x.relu();
    "x.sigmoid()": |v| v.x.sigmoid();
    "x.tanh()": |v| v.x.tanh();
    "x.exp()": |v| v.x.exp();
    "x.exp2()": |v| v.x.exp2();
    "x.expm1()": |v| v.x.expm1();
    "a.log()": |v| v.a.log();
    "a.log2()": |v| v.a.log2();
    "x.log1p()": |v| v.x.log1p();
    "a.sqrt()": |v| v.a.sqrt();
    "a.rsqrt()": |v| v.a.rsqrt();
    "x.reciprocal()": |v| v.x.reciprocal();
    "x.sin()": |v| v.x.sin();
    "x.cos()": |v| v.x.cos();
    "x.tan()": |v| v.x.tan();
    "a.asin()": |v| v.a.asin();
    "a.acos()": |v| v.a.acos();
    "x.atan()": |v| v.x.atan();
    "x.sinh()": |v| v.x.sinh();
    "x.cosh()": |v| v.x.cosh();
    "x.erf()": |v| v.x.erf();
    "x.floor()": |v| v.x.floor();
    "x.round()": |v| v.x.round();
    "x.trunc()": |v| v.x.trunc();
    "x.frac()": |v| v.x.frac();
    "x.isnan()": |v| v.x.isnan();
    "F.gelu(x)": |v| v.x.gelu();
    "F.silu(x)": |v| v.x.silu();
    "x.nan_to_num()": |v| v.x.nan_to_num(None, None, None);
    "~k": |v| v.k.logical_not();
    "k & k": |v| v.k.bitwise_and(&v.k);
    "torch.logical_and(a, b)": |v| v.a.logical_and(&v.b);
    "d + d": |v| v.d.add(&v.d);
    "d * 3": |v| v.d.mul(3);
    "d.sum()": |v| v.d.sum(());
    "d.max()": |v| v.d.max();
    "h + h": |v| v.h.add(&v.h);
    "h * 3": |v| v.h.mul(3);
    "h.sum()": |v| v.h.sum(());
    "h.max()": |v| v.h.max();
    "g + g": |v| v.g.add(&v.g);
    "g * 3": |v| v.g.mul(3);
    "g.sum()": |v| v.g.sum(());
    "g.max()": |v| v.g.max();
    "u + u": |v| v.u.add(&v.u);
    "u * 3": |v| v.u.mul(3);
    "u // u": |v| v.u.floor_divide(&v.u);
    "u % 7": |v| v.u.remainder(7);
    "u.sum()": |v| v.u.sum(());
    "u.max()": |v| v.u.max();
    "i + i": |v| v.i.add(&v.i);
    "i * 3": |v| v.i.mul(3);
    "i // i": |v| v.i.floor_divide(&v.i);
    "i % 7": |v| v.i.remainder(7);
    "i.sum()": |v| v.i.sum(());
    "i.max()": |v| v.i.max();
    "l + l": |v| v.l.add(&v.l);
    "l * 3": |v| v.l.mul(3);
    "l // l": |v| v.l.floor_divide(&v.l);
    "l % 7": |v| v.l.remainder(7);
    "l.sum()": |v| v.l.sum(());
    "l.max()": |v| v.l.max();
    "d.exp()": |v| v.d.exp();
    "h.exp()": |v| v.h.exp();
    "d.sin()": |v| v.d.sin();
    "h.sin()": |v| v.h.sin();
    "d.tanh()": |v| v.d.tanh();
    "h.tanh()": |v| v.h.tanh();
    "i // j": |v| v.i.floor_divide(&v.j);
    "i / j": |v| v.i.div(&v.j);
    "i & j": |v| v.i.bitwise_and(&v.j);
    "i << 2": |v| v.i.bitwise_left_shift(2);
    "l ** 2": |v| v.l.pow(2);
    "a.to(torch.float64)": |v| v.a.to(DType::F64);
    "a.to(torch.float16)": |v| v.a.to(DType::F16);
    "a.to(torch.bfloat16)": |v| v.a.to(DType::BF16);
    "a.to(torch.int32)": |v| v.a.to(DType::I32);
    "a.to(torch.bool)": |v| v.a.to(DType::Bool);
    "h.to(torch.float32)": |v| v.h.to(DType::F32);
    "g.to(torch.float32)": |v| v.g.to(DType::F32);
    "u.to(torch.float32)": |v| v.u.to(DType::F32);
    "i.to(torch.float32)": |v| v.i.to(DType::F32);
    "l.to(torch.int32)": |v| v.l.to(DType::I32);
    "k.to(torch.float32)": |v| v.k.to(DType::F32);
    "d.to(torch.float32)": |v| v.d.to(DType::F32);
    "k.to(torch.int64)": |v| v.k.to(DType::I64);
    "m + row": |v| v.m.add(&v.row);
    "m + col": |v| v.m.add(&v.col);
    "m + m.t().contiguous().t()": |v| v.m.add(&v.m.t()?.contiguous()?.t()?);
    "col * row": |v| v.col.mul(&v.row);
    "m.t() + 1": |v| v.m.t()?.add(1);
    "m + w.t().reshape(m.shape)": |v| v.m.add(&v.w.t()?.reshape(v.m.shape())?);
    "x.sum()": |v| v.x.sum(());
    "m.sum(0)": |v| v.m.sum(0);
    "m.sum(1)": |v| v.m.sum(1);
    "x.mean()": |v| v.x.mean(());
    "m.mean(0)": |v| v.m.mean(0);
    "m.mean(1)": |v| v.m.mean(1);
    "x.amax()": |v| v.x.amax(());
    "m.amax(0)": |v| v.m.amax(0);
    "m.amax(1)": |v| v.m.amax(1);
    "x.amin()": |v| v.x.amin(());
    "m.amin(0)": |v| v.m.amin(0);
    "m.amin(1)": |v| v.m.amin(1);
    "x.prod()": |v| v.x.prod(());
    "m.prod(0)": |v| v.m.prod(0);
    "m.prod(1)": |v| v.m.prod(1);
    "x.var()": |v| v.x.var(());
    "m.var(0)": |v| v.m.var(0);
    "m.var(1)": |v| v.m.var(1);
    "x.std()": |v| v.x.std(());
    "m.std(0)": |v| v.m.std(0);
    "m.std(1)": |v| v.m.std(1);
    "x.norm()": |v| v.x.norm(());
    "x.max()": |v| v.x.max();
    "m.max(1)": |v| v.m.max_dim(1, false);
    "m.max(0)": |v| v.m.max_dim(0, false);
    "x.argmax()": |v| v.x.argmax(());
    "m.argmax(1)": |v| v.m.argmax(1);
    "m.argmax(0)": |v| v.m.argmax(0);
    "k.any()": |v| v.k.any(());
    "km.all(1)": |v| v.km.all(1);
    "x.count_nonzero()": |v| v.x.count_nonzero(());
    "m.logsumexp(1)": |v| v.m.logsumexp(1);
    "m.softmax(1)": |v| v.m.softmax(1);
    "m.softmax(0)": |v| v.m.softmax(0);
    "m.log_softmax(1)": |v| v.m.log_softmax(1);
    "m.t().sum(0)": |v| v.m.t()?.sum(0);
    "(a * b).sum()": |v| v.a.mul(&v.b)?.sum(());
    "((a - b) ** 2).mean()": |v| v.a.sub(&v.b)?.pow(2)?.mean(());
    "(m - m.mean(1, True)) * (m.var(1, keepdim=True) + 1e-5).rsqrt()": |v| v.m.sub(&v.m.mean(dims(1).keepdim())?)?.mul(&v.m.var(dims(1).keepdim())?.add(1e-5)?.rsqrt()?);
    "x.cumsum(0)": |v| v.x.cumsum(0);
    "m.cumsum(1)": |v| v.m.cumsum(1);
    "m.cumsum(0)": |v| v.m.cumsum(0);
    "m.cumprod(1)": |v| v.m.cumprod(1);
    "i.cumsum(0)": |v| v.i.cumsum(0);
    "x.sort()": |v| v.x.sort(-1, false);
    "m.sort(1)": |v| v.m.sort(1, false);
    "m.argsort(1)": |v| v.m.argsort(1, false);
    "l.sort()": |v| v.l.sort(-1, false);
    "m.sort(0)": |v| v.m.sort(0, false);
    "m.topk(5, 1)": |v| v.m.topk(5, 1, true);
    "x.topk(10)": |v| v.x.topk(10, 0, true);
    "x.median()": |v| v.x.median();
    "m.median(1)": |v| v.m.median_dim(1, false);
    "m.kthvalue(3, 1)": |v| v.m.kthvalue(3, 1, false);
    "torch.unique(l, return_inverse=True, return_counts=True)": |v| v.l.unique(());
    "torch.unique_consecutive(l, return_inverse=True, return_counts=True)": |v| v.l.unique_consecutive(());
    "m[ri]": |v| v.m.i(&v.ri);
    "m.index_select(0, ri)": |v| v.m.index_select(0, &v.ri);
    "m.gather(1, q)": |v| v.m.gather(1, &v.q);
    "x.take(p)": |v| v.x.take(&v.p);
    "x[p]": |v| v.x.i(&v.p);
    "m.scatter(1, q, w)": |v| v.m.scatter(1, &v.q, &v.w);
    "m.scatter_add(1, q, w)": |v| v.m.scatter_add(1, &v.q, &v.w);
    "m.index_add(0, ri, w)": |v| v.m.index_add(0, &v.ri, &v.w);
    "x[k]": |v| v.x.i(&v.k);
    "x.masked_select(k)": |v| v.x.masked_select(&v.k);
    "k.nonzero()": |v| v.k.nonzero();
    "x.masked_scatter(k, a)": |v| v.x.masked_scatter(&v.k, &v.a);
    "c.put_(p, a)": |v| v.c.put_(&v.p, &v.a, false);
    "m[:, 0]": |v| v.m.i((.., 0))?.contiguous();
    "m[:, 1:] - m[:, :-1]": |v| v.m.i((.., 1..))?.sub(&v.m.i((.., ..-1))?);
    "x[::2] + x[1::2]": |v| v.x.i(slice(0, None).step(2))?.add(&v.x.i(slice(1, None).step(2))?);
    "m[1:].clone()": |v| v.m.i(1..)?.clone();
    "m[:, 1:].clone()": |v| v.m.i((.., 1..))?.clone();
    "m.t().contiguous()": |v| v.m.t()?.contiguous();
    "a.clone()": |v| v.a.clone();
    "torch.cat([a, b])": |v| taut::cat(&[&v.a, &v.b], 0);
    "torch.cat([m, w], 1)": |v| taut::cat(&[&v.m, &v.w], 1);
    "torch.stack([a, b], 1)": |v| taut::stack(&[&v.a, &v.b], 1);
    "x.flip(0)": |v| v.x.flip(0);
    "m.flip(0)": |v| v.m.flip(0);
    "m.roll(1, 0)": |v| v.m.roll(1, 0);
    "x.roll(3, 0)": |v| v.x.roll(3, 0);
    "m.tril()": |v| v.m.tril(0);
    "m.repeat(2, 1)": |v| v.m.repeat([2, 1]);
    "torch.rot90(m)": |v| v.m.rot90(1, [0, 1]);
    "x.repeat_interleave(2)": |v| v.x.repeat_interleave(2, ());
    "m @ w.t()": |v| v.m.matmul(&v.w.t()?);
    "m @ row": |v| v.m.mv(&v.row);
    "a.dot(b)": |v| v.a.dot(&v.b);
    "col.t() @ m": |v| v.col.t()?.matmul(&v.m);
    "(x.reshape(-1, 4, 4) @ a.reshape(-1, 4, 4))": |v| v.x.reshape([-1, 4, 4])?.bmm(&v.a.reshape([-1, 4, 4])?);
    "(x.reshape(-1, 8, 8) @ a.reshape(-1, 8, 8))": |v| v.x.reshape([-1, 8, 8])?.bmm(&v.a.reshape([-1, 8, 8])?);
    "torch.zeros(n)": |v| taut::zeros([v.a.numel()], ());
    "torch.full((n,), 3.0)": |v| taut::full([v.a.numel()], 3.0, ());
    "torch.arange(n)": |v| taut::arange(v.a.numel() as i64, ());
    "torch.arange(n, dtype=torch.float32)": |v| taut::arange(v.a.numel() as i64, DType::F32);
    "torch.linspace(0, 1, n)": |v| taut::linspace(0, 1, v.a.numel() as i64, ());
    "torch.rand(n)": |v| taut::rand([v.a.numel()], ());
    "torch.randn(n)": |v| taut::randn([v.a.numel()], ());
    "torch.randint(0, 10, (n,))": |v| taut::randint(0, 10, [v.a.numel()], ());
    "torch.eye(m.shape[0])": |v| taut::eye(v.m.shape()[0] as i64, v.m.shape()[0] as i64, ());
    "a.tolist()": |v| v.a.to_vec::<f32>();
};
