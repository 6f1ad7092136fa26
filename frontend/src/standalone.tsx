// The page as one file, which `gan-np export RUN --to explorer.html` writes.
import { open } from "./app";
import { InPage } from "./onnx";

void open(InPage.open);
