//! stub
use crate::dtype::DType;
use crate::error::Result;
pub(crate) enum AdapterKind {
    Discrete,
    Integrated,
    Virtual,
    Other,
    Software,
}
pub(crate) struct AdapterInfo {
    pub(crate) name: String,
    pub(crate) api: &'static str,
    pub(crate) driver: String,
    pub(crate) kind: AdapterKind,
    pub(crate) max_buffer: u64,
}
impl AdapterInfo {
    pub(crate) fn supports(&self, _: DType) -> bool {
        false
    }
}
pub(crate) fn list() -> &'static [AdapterInfo] {
    &[]
}
pub(crate) fn open(_: usize) -> Result<super::cpu::CpuBackend> {
    Err(crate::Error::device("none"))
}
