// The page that `gan-np explore` serves.
import { open } from "./app";
import { Http } from "./http";

void open(async () => new Http());
