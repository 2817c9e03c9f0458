//! Puts many mutants into one program: each is a branch that an environment variable turns on at run time.
//!
//!     mutants SEED COUNT WITHOUT FILE...
//!
//! Finds all mutants of the kinds that cargo-mutants knows in FILEs, draws COUNT of them by SEED, and rewrites the files
//! in place. WITHOUT: numbers that were drawn but do not compile, separated by commas, or `-`. Prints one line for each
//! mutant: number, file, line, function, change, separated by tabs. The crate needs `crate::mutant::is(number)`.

use std::collections::BTreeSet;

use proc_macro2::Span;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Arm, BinOp, Block, Expr, ExprBinary, ImplItemFn, ItemFn, ItemMod, Pat, ReturnType, Signature, Type, UnOp, parse_quote};

/// Walks files in order, numbers every place that can be mutated, and rewrites those that were drawn.
struct Mutator {
    drawn: Option<BTreeSet<usize>>,
    next: usize,
    file: String,
    function: String,
}

impl Mutator {
    fn new(drawn: Option<BTreeSet<usize>>) -> Self {
        Self { drawn, next: 0, file: String::new(), function: String::new() }
    }

    /// Numbers a mutant. Returns the condition that turns it on, if it was drawn.
    fn mutant(&mut self, at: Span, change: &str) -> Option<Expr> {
        let number = self.next;
        self.next += 1;
        if !self.drawn.as_ref()?.contains(&number) {
            return None;
        }
        println!("{number}\t{}\t{}\t{}\t{change}", self.file, at.start().line, self.function);
        Some(parse_quote!(crate::mutant::is(#number)))
    }

    fn function(&mut self, signature: &Signature, block: &mut Block) {
        let outer = std::mem::replace(&mut self.function, signature.ident.to_string());
        for value in results(&signature.output) {
            let change = format!("return {}", value.to_token_stream());
            if let Some(on) = self.mutant(signature.ident.span(), &change) {
                block.stmts.insert(0, parse_quote!(if #on { return #value; }));
            }
        }
        visit_mut::visit_block_mut(self, block);
        self.function = outer;
    }
}

impl VisitMut for Mutator {
    fn visit_item_mod_mut(&mut self, item: &mut ItemMod) {
        let is_test = item.attrs.iter().any(|attribute| attribute.to_token_stream().to_string().contains("test"));
        if !is_test {
            visit_mut::visit_item_mod_mut(self, item);
        }
    }

    fn visit_item_fn_mut(&mut self, item: &mut ItemFn) {
        if item.sig.constness.is_none() {
            self.function(&item.sig, &mut item.block);
        }
    }

    fn visit_impl_item_fn_mut(&mut self, item: &mut ImplItemFn) {
        if item.sig.constness.is_none() {
            self.function(&item.sig, &mut item.block);
        }
    }

    fn visit_item_const_mut(&mut self, _: &mut syn::ItemConst) {}

    fn visit_item_static_mut(&mut self, _: &mut syn::ItemStatic) {}

    fn visit_impl_item_const_mut(&mut self, _: &mut syn::ImplItemConst) {}

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        visit_mut::visit_arm_mut(self, arm);
        let Some((_, guard)) = &mut arm.guard else { return };
        for value in [true, false] {
            if let Some(on) = self.mutant(arm.fat_arrow_token.spans[0], &format!("guard is {value}")) {
                **guard = parse_quote!(if #on { #value } else { #guard });
            }
        }
    }

    fn visit_expr_match_mut(&mut self, expr: &mut syn::ExprMatch) {
        visit_mut::visit_expr_match_mut(self, expr);
        let Some(Arm { pat: Pat::Wild(_), .. }) = expr.arms.last() else { return };
        let last = expr.arms.len() - 1;
        for arm in &mut expr.arms[..last] {
            let change = format!("delete the arm {}", arm.pat.to_token_stream());
            if let Some(on) = self.mutant(arm.fat_arrow_token.spans[0], &change) {
                let guard: Expr = match &arm.guard {
                    Some((_, guard)) => parse_quote!(!#on && (#guard)),
                    None => parse_quote!(!#on),
                };
                arm.guard = Some((Default::default(), Box::new(guard)));
            }
        }
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        match expr {
            Expr::Binary(binary) if !binds(binary) => {
                let (left, right, old) = (&binary.left, &binary.right, binary.op);
                let mut mutated = None;
                for (words, new) in operators(&old) {
                    let change = format!("{} becomes {words}", old.to_token_stream());
                    if let Some(on) = self.mutant(span(&old), &change) {
                        let otherwise = mutated.take().unwrap_or_else(|| quote!(#left #old #right));
                        mutated = Some(quote!(if #on { #left #new #right } else { #otherwise }));
                    }
                }
                if let Some(mutated) = mutated {
                    *expr = parse_quote!((#mutated));
                }
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => {
                let UnOp::Not(not) = unary.op else { return };
                let inner = &unary.expr;
                if let Some(on) = self.mutant(not.span, "delete !") {
                    *expr = parse_quote!((if #on { #inner } else { !#inner }));
                }
            }
            _ => {}
        }
    }
}

/// Whether `if let` and `&&` are chained: such a condition cannot move into a branch.
fn binds(binary: &ExprBinary) -> bool {
    [&binary.left, &binary.right].into_iter().any(|side| match &**side {
        Expr::Let(_) => true,
        Expr::Binary(inner) => binds(inner),
        _ => false,
    })
}

fn span(op: &BinOp) -> Span {
    op.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span())
}

fn operators(op: &BinOp) -> Vec<(&'static str, BinOp)> {
    let of = |words: &[&'static str]| {
        words.iter().filter_map(|words| Some((*words, syn::parse_str(words).ok()?))).collect()
    };
    match op {
        BinOp::Eq(_) => of(&["!="]),
        BinOp::Ne(_) => of(&["=="]),
        BinOp::And(_) => of(&["||"]),
        BinOp::Or(_) => of(&["&&"]),
        BinOp::Lt(_) => of(&["<=", ">"]),
        BinOp::Le(_) => of(&["<", ">"]),
        BinOp::Gt(_) => of(&[">=", "<"]),
        BinOp::Ge(_) => of(&[">", "<"]),
        BinOp::Add(_) => of(&["-"]),
        BinOp::Sub(_) => of(&["+"]),
        BinOp::AddAssign(_) => of(&["-="]),
        BinOp::SubAssign(_) => of(&["+="]),
        _ => Vec::new(),
    }
}

/// What a function may return instead of its result.
fn results(output: &ReturnType) -> Vec<Expr> {
    let ReturnType::Type(_, kind) = output else { return vec![parse_quote!(())] };
    let Type::Path(path) = &**kind else { return Vec::new() };
    let Some(name) = path.path.segments.last() else { return Vec::new() };
    match name.ident.to_string().as_str() {
        "bool" => vec![parse_quote!(true), parse_quote!(false)],
        "Option" => vec![parse_quote!(None)],
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => vec![parse_quote!(0), parse_quote!(1)],
        "String" | "Vec" | "BTreeMap" | "BTreeSet" | "Duration" => vec![parse_quote!(Default::default())],
        _ => Vec::new(),
    }
}

/// The next number of a linear congruential generator (Knuth's MMIX constants), of which the upper half is used.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 32) as usize
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, count, without, files @ ..] = arguments.as_slice() else {
        return Err("usage: mutants SEED COUNT WITHOUT FILE...".into());
    };
    let (mut state, count): (u64, usize) = (seed.parse()?, count.parse()?);
    let without: BTreeSet<usize> = without.split(',').filter_map(|number| number.parse().ok()).collect();
    let mut trees = Vec::new();
    for file in files {
        trees.push((file, syn::parse_file(&std::fs::read_to_string(file)?)?));
    }
    let mut all = Mutator::new(None);
    for (_, tree) in &mut trees {
        all.visit_file_mut(tree);
    }
    let mut drawn = BTreeSet::new();
    while drawn.len() < count.min(all.next) {
        drawn.insert(random(&mut state) % all.next);
    }
    eprintln!("{} of {} mutants in {} files", drawn.len(), all.next, files.len());
    let mut mutator = Mutator::new(Some(drawn.difference(&without).copied().collect()));
    for (file, tree) in &mut trees {
        mutator.file.clone_from(file);
        mutator.visit_file_mut(tree);
        std::fs::write(file, prettyplease::unparse(tree))?;
    }
    Ok(())
}
