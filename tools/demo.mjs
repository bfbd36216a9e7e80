// npm run demo: the product's demo. With --aws the same company over emulators of AWS, which belong to the tests: they are
// no part of the product, so `sagewatch demo` has no such option.
await import(process.argv.includes("--aws") ? "../test/demo-aws/run.ts" : "../src/main.ts");
