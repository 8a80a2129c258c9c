//! Many short lists in one piece of memory, built once and then only read.

/// The memory of lists.
#[derive(Debug)]
pub(super) struct Pool<T>(Vec<T>);

/// Where a list lies in its pool.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Pool<T> {
    pub(super) fn add(&mut self, list: impl IntoIterator<Item = T>) -> Span {
        let end = |items: &Vec<T>| u32::try_from(items.len()).expect("rules are far fewer than 2³²");
        let start = end(&self.0);
        self.0.extend(list);
        Span { start, end: end(&self.0) }
    }

    pub(super) fn get(&self, list: Span) -> &[T] {
        &self.0[list.start as usize..list.end as usize]
    }
}

/// Lists by number.
#[derive(Debug)]
pub(super) struct Lists<T> {
    spans: Vec<Span>,
    pool: Pool<T>,
}

impl<T> Lists<T> {
    pub(super) fn of(lists: Vec<Vec<T>>) -> Self {
        let mut pool = Pool::default();
        let spans = lists.into_iter().map(|list| pool.add(list)).collect();
        Self { spans, pool }
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn get(&self, number: u32) -> &[T] {
        self.pool.get(self.spans[number as usize])
    }
}
