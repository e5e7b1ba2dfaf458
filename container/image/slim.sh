#!/usr/bin/env bash
# Remove what the image never runs, and make the rest the same at every build.
#
#   container/image/slim.sh VENV JAVA     with SOURCE_DATE_EPOCH in the environment
#
# docs/explanation/image.md lists the size of each removal; tests/image uses everything that stays.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
java=$2
packages=$(echo "$1"/lib/python3*/site-packages)
cd "$packages"

# Pictures: Prophet asks for matplotlib to draw with, and goes on without it
rm -rf matplotlib mpl_toolkits pylab.py fontTools fonttools PIL pillow.libs kiwisolver contourpy cycler pyparsing \
  matplotlib-* fonttools-* pillow-* kiwisolver-* contourpy-* cycler-* pyparsing-*
rm -rf ../../../share/man ../../../bin/{fonttools,pyft*,ttx,__pycache__}

# scipy.sparse is all that sagemaker_inference imports of SciPy; none of it needs SciPy's own BLAS
find scipy -mindepth 1 -maxdepth 1 ! -name '__init__.py*' ! -name '_*' ! -name 'version.py*' ! -name sparse \
  -exec rm -rf {} +
rm -rf scipy/sparse/linalg scipy/sparse/csgraph scipy.libs

# Prophet's compiled model: one of its two copies; of CmdStan the threading library that it is linked to
ln -sf prophet_model.bin prophet/stan_model/prophet
find prophet/stan_model -path '*/cmdstan-*' -type f ! -name 'libtbb*.so*' ! -name makefile -delete
find prophet/stan_model -type d -empty ! -name bin -delete

# boto3's services: all but S3, those of SageMaker that the programs call, and those that provide credentials
find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin \
  ! -name sagemaker ! -name sagemaker-metrics ! -name sagemaker-featurestore-runtime \
  -exec rm -rf {} +

# Build tools and tests of NumPy and setuptools; pkg_resources stays for sagemaker_inference
rm -rf numpy/distutils numpy/_pyinstaller numpy/_core/_simd.*.so ../../../bin/{f2py,numpy-config}
find setuptools -mindepth 1 -maxdepth 1 ! -name _vendor ! -name '__init__.py' -exec rm -rf {} +
find . -depth -type d \( -name tests -o -name test \) -exec rm -rf {} +
find . -name '*.pyi' -delete -o -name '*.h' -delete -o -name '*.a' -delete -o -name '*.pxd' -delete
find . -name __pycache__ -exec rm -rf {} +

# Java without screens, sounds, pictures and printers
rm -rf "$java"/lib/lib{awt_xawt,fontmanager,javajpeg,jawt,jsound,lcms,mlib_image,splashscreen,prefs}.so \
  "$java"/lib/psfont* "$java"/lib/classlist "$java"/legal "$java"/man

# The bytecode depends on the text alone, and so do all times.  What only a fallback to Prophet, a country's
# holidays or an archive's own code loads is compiled when it is
"$1"/bin/python -m compileall -q -f --invalidation-mode unchecked-hash -j 0 "$packages" "$1/app"
for rarely in cmdstanpy future holidays libfuturize libpasteurize pandas past pkg_resources \
  scipy setuptools; do
  find "$rarely" -name __pycache__ -exec rm -rf {} +
done
find "$1" "$java" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
