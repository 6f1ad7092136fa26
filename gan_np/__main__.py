"""`python -m gan_np`: the command `gan-np`."""

from gan_np.cli import main

if __name__ == "__main__":
    main()
